import type { SourceMachine } from '../../domain/source-machine.ts';
import { guestBusOf } from '../fix-guest/guest-bus.ts';
import type { DiskAddress } from '../../guest/guest.ts';
import type { OvfDisk } from '../../ovf/ovf-disks.ts';
import type { OvfFacts } from '../../ovf/ovf-facts.ts';

/** The machine that an OVF describes. */
export function machineOfOvf(ovf: OvfFacts): SourceMachine {
  const { name, uuid, guestId, memoryBytes, vcpus, coresPerSocket, firmware, secureBoot, tpm, nics } = ovf;
  const disks = ovf.disks.map(({ controller, bootOrder }) => ({ controller, bootOrder }));
  const cdRoms = ovf.cdRoms.length;
  return { name, uuid, guestId, memoryBytes, vcpus, coresPerSocket, firmware, secureBoot, tpm, disks, nics, cdRoms };
}

/** Where a disk hung, for names in the guest that follow it. */
export function guestAddressOf({
  controller,
  unitNumber,
}: Pick<OvfDisk, 'controller' | 'unitNumber'>): DiskAddress | undefined {
  const bus = guestBusOf(controller?.kind);
  if (controller === undefined || bus === undefined || unitNumber === undefined) return undefined;
  return { bus, controller: controller.address, unit: unitNumber, pciSlotNumber: controller.pciSlotNumber };
}
