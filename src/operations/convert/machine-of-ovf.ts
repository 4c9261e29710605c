import type { SourceMachine } from '../../domain/source-machine.ts';
import type { OvfFacts } from '../../ovf/ovf-facts.ts';

/** The machine that an OVF describes. */
export function machineOfOvf(ovf: OvfFacts): SourceMachine {
  const { name, uuid, guestId, memoryBytes, vcpus, coresPerSocket, firmware, secureBoot, tpm, nics } = ovf;
  const disks = ovf.disks.map(({ controller, bootOrder }) => ({ controller, bootOrder }));
  const cdRoms = ovf.cdRoms.length;
  return { name, uuid, guestId, memoryBytes, vcpus, coresPerSocket, firmware, secureBoot, tpm, disks, nics, cdRoms };
}
