import type { DomainFacts, DomainNic, ScsiModel } from '../../domain/domain-facts.ts';
import { placeNics, type PciPlace } from '../../domain/libvirt/nic-places.ts';
import { domainOfMachine } from '../../domain/domain-of-machine.ts';
import type { HardwareOption } from '../../domain/hardware-choice.ts';
import type { DomainSource } from '../../domain/domain-source.ts';
import type { TargetAddress, TargetDisk, TargetHardware, TargetNic } from '../../guest/contract/boot-check.ts';

/** Linux drivers for libvirt's SCSI controllers. */
const SCSI_DRIVERS: Readonly<Record<ScsiModel, string>> = {
  'virtio-scsi': 'virtio_scsi',
  vmpvscsi: 'vmw_pvscsi',
  lsisas1068: 'mptsas',
  lsilogic: 'sym53c8xx',
};

/** Linux drivers for QEMU's NICs, if the name differs from the model. */
const NIC_DRIVERS: Readonly<Record<string, string>> = { virtio: 'virtio_net', pcnet: 'pcnet32', rtl8139: '8139cp' };

/**
 * The hardware that the guest has to start on: that of the domain that is written for it. With `auto` that is virtio.
 * A standalone disk image does not describe a VM, so only the number of disks is known.
 */
export function targetHardware(
  machine: DomainSource | undefined,
  diskCount: number,
  wanted: HardwareOption,
): TargetHardware {
  if (machine === undefined) return { ...NOT_DESCRIBED, disks: Array.from({ length: diskCount }, () => VIRTIO_DISK) };
  const images = machine.disks.map((_disk, index) => ({ path: `/disk-${index + 1}`, format: 'raw' as const }));
  const { facts } = domainOfMachine(machine, { images, hardware: wanted === 'auto' ? 'virtio' : wanted });
  return hardwareOf(facts, machine);
}

const VIRTIO_DISK: TargetDisk = { driver: 'virtio_blk', names: 'vd' };
const NOT_DESCRIBED = { firmware: undefined, secureBoot: false, nics: undefined };

function hardwareOf(facts: DomainFacts, { nics }: DomainSource): TargetHardware {
  const places = placeNics(facts)?.nics;
  return {
    firmware: facts.firmware,
    secureBoot: facts.secureBoot,
    disks: facts.disks.map((disk) => diskOf(disk, facts)),
    nics: facts.nics.map((nic, index) => nicOf(nic, nics[index], places?.[index])),
  };
}

function diskOf({ bus, scsi, serial }: DomainFacts['disks'][number], { scsiControllers }: DomainFacts): TargetDisk {
  if (bus === 'virtio') return { ...VIRTIO_DISK, serial };
  if (bus === 'sata') return { driver: 'ahci', names: 'sd', serial };
  if (bus === 'ide') return { driver: 'ata_piix', names: 'sd', serial };
  const model = scsiControllers[scsi?.controller ?? 0] ?? 'virtio-scsi';
  return { driver: SCSI_DRIVERS[model], names: 'sd', serial };
}

function nicOf(
  { mac, model }: DomainNic,
  source: DomainSource['nics'][number] | undefined,
  place: PciPlace | undefined,
): TargetNic {
  return {
    address: place && addressOf(place),
    mac: mac?.toLowerCase(),
    driver: NIC_DRIVERS[model] ?? model,
    sourceSlotNumber: source?.pciSlotNumber,
    network: source?.network,
  };
}

/**
 * A place identifies a bus by its controller index in the domain. Only for the root bus is that the guest's bus
 * number.
 */
function addressOf({ bus, slot }: PciPlace): TargetAddress {
  return { bus: bus === 0 ? 0 : undefined, device: slot };
}
