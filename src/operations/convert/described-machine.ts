import type { VmConfig } from '../../base/vm-config.ts';
import { architectureOf, requireArchitecture } from '../../domain/architecture.ts';
import type { DomainSource } from '../../domain/domain-source.ts';
import type { OvfFacts } from '../../ovf/hardware/ovf-facts.ts';
import type { VmxFacts } from '../../ovf/vmx/vmx-facts.ts';
import { inPciOrder } from '../nic-order.ts';

/** A VM as its OVF or `.vmx` describes it, with its NICs in PCI address order. */
export interface DescribedMachine extends VmConfig {
  /** From `architectureOf`: any architecture, in libvirt's spelling. */
  architecture: string;
}

export function describedByOvf({ cdRoms, ...ovf }: OvfFacts): DescribedMachine {
  return { ...ovf, nics: orderedNics(ovf), architecture: architectureOf(ovf), cdRoms: cdRoms.length };
}

export function describedByVmx(vmx: VmxFacts): DescribedMachine {
  return { ...vmx, nics: orderedNics(vmx), architecture: architectureOf(vmx) };
}

function orderedNics({ nics, disks }: Pick<DescribedMachine, 'nics' | 'disks'>): DescribedMachine['nics'] {
  return inPciOrder(
    nics,
    disks.map(({ controller }) => controller),
  );
}

/**
 * The input for the VM's domain. `diskUuids` are VMware's UUIDs per disk, if known.
 * @throws kind `image` for an architecture that domains do not support.
 */
export function machineOf(described: DescribedMachine, diskUuids: readonly (string | undefined)[] = []): DomainSource {
  const { name, identity, uuid, guestId, memoryBytes, vcpus, coresPerSocket, clockOffsetSeconds } = described;
  const { firmware, secureBoot, tpm, nics, cdRoms } = described;
  const architecture = requireArchitecture(described.architecture, name);
  const disks = described.disks.map(({ controller, bootOrder }, index) => ({
    controller,
    bootOrder,
    serial: diskUuids[index],
  }));
  const common = {
    name,
    identity,
    architecture,
    uuid,
    guestId,
    memoryBytes,
    vcpus,
    coresPerSocket,
    clockOffsetSeconds,
  };
  return { ...common, firmware, secureBoot, tpm, disks, nics, cdRoms };
}
