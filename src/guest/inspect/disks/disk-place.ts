import type { DiskAddress, Guest, GuestDisk } from '../../guest.ts';
import { diskNumber } from './block-devices.ts';
import { placeById } from './disk-names.ts';
import { pciAddressOf } from '../pci-slot.ts';

type Disks = readonly GuestDisk[];

/** The disk, counted from 0, and the partition that a hardware-dependent name refers to. */
export function hardwarePlace(
  spec: string,
  guest: Pick<Guest, 'disks' | 'diskOrder' | 'aliases'>,
): { disk: number; partition: number | undefined } | undefined {
  const byId = placeById(spec, guest);
  if (byId !== undefined) return byId.disk === undefined ? undefined : { disk: byId.disk, partition: byId.partition };
  const found = placeByOrder(spec, guest.disks);
  return found && { ...found, disk: guest.diskOrder[found.disk] ?? found.disk };
}

function placeByOrder(spec: string, disks: Disks): ReturnType<typeof hardwarePlace> {
  const [, letters, number] = /^\/dev\/(?:sd|hd|vd|xvd)([a-z]+)(\d*)$/.exec(spec) ?? [];
  if (letters !== undefined) return place(diskNumber(letters), number, disks);
  const [, nvme, nvmePartition] = /^\/dev\/nvme(\d+)n\d+(?:p(\d+))?$/.exec(spec) ?? [];
  if (nvme !== undefined) return place(Number(nvme), nvmePartition, disks);
  const [, name, part] = /^\/dev\/disk\/by-(?:path|id)\/(.+?)(?:-part(\d+))?$/.exec(spec) ?? [];
  if (name === undefined) return undefined;
  // An id that is not VMware's, such as that of a SATA disk, belongs to the only disk unless it is for another bus.
  if (spec.startsWith('/dev/disk/by-id/')) {
    return disks.length === 1 && !/^(usb|ieee1394|mmc)-/.test(name) ? place(0, part, disks) : undefined;
  }
  return place(diskOfPath(name, disks), part, disks);
}

function place(disk: number, partition: string | undefined, disks: Disks): ReturnType<typeof hardwarePlace> {
  if (disk < 0 || disk >= disks.length) return undefined;
  return { disk, partition: partition ? Number(partition) : undefined };
}

/**
 * The address on a controller at the end of a by-path name. ATA ports are the ports of a SATA controller, or the
 * channels of an IDE controller.
 */
type PathEnd = { bus: 'scsi' | 'nvme'; unit: number } | { bus: 'ata'; port: number; drive: number };

/** `pci-0000:03:00.0-scsi-0:0:1:0`: target 1 of a controller. ATA ports and NVMe namespaces count from 1. */
function endOfPath(name: string): PathEnd | undefined {
  const [, target] = /-scsi-\d+:\d+:(\d+):\d+$/.exec(name) ?? /-sas-phy(\d+)-lun-\d+$/.exec(name) ?? [];
  if (target !== undefined) return { bus: 'scsi', unit: Number(target) };
  const [, nameSpace] = /-nvme-(\d+)$/.exec(name) ?? [];
  if (nameSpace !== undefined) return { bus: 'nvme', unit: Number(nameSpace) - 1 };
  const [, port, drive = '0'] = /-ata-(\d+)(?:\.(\d+))?$/.exec(name) ?? [];
  return port === undefined ? undefined : { bus: 'ata', port: Number(port) - 1, drive: Number(drive) };
}

/** The disk of a by-path name; -1 if there is none or it is ambiguous. */
function diskOfPath(name: string, disks: Disks): number {
  const end = endOfPath(name);
  if (end === undefined) return -1;
  if (disks.every(({ address }) => address === undefined)) return countedPlace(end);
  const [, pciAddress = ''] = /^pci-([0-9a-f:.]+)-/.exec(name) ?? [];
  const fitting = disks.flatMap((disk, index) => (isAt(disk.address, end) ? [{ index, address: disk.address }] : []));
  return theOneAt(pciAddress, fitting) ?? (disks.length === 1 ? 0 : -1);
}

/**
 * The place by disk order, for a VM whose source does not record disk addresses. On VMware, unit 7 of a SCSI bus is
 * the controller itself.
 */
function countedPlace(end: PathEnd): number {
  if (end.bus === 'ata') return end.port;
  return end.bus === 'scsi' && end.unit > 7 ? end.unit - 1 : end.unit;
}

function isAt(address: DiskAddress | undefined, end: PathEnd): boolean {
  if (address === undefined) return false;
  if (end.bus !== 'ata') return address.bus === end.bus && address.unit === end.unit;
  if (address.bus === 'ide') return address.controller === end.port && address.unit === end.drive;
  return address.bus === 'sata' && address.unit === end.port && end.drive === 0;
}

/** The PCI addresses of the first SCSI controller: of a PCI Express model, and of an older one. */
const FIRST_CONTROLLERS: ReadonlySet<string> = new Set(['0000:03:00.0', '0000:00:10.0']);

/**
 * If several controllers have a disk with the same unit, the PCI address selects one, provided that the slots are
 * known.
 */
function theOneAt(
  pciAddress: string,
  fitting: readonly { index: number; address: DiskAddress | undefined }[],
): number | undefined {
  const [first, ...more] = fitting;
  if (first === undefined || more.length === 0) return first?.index;
  const slotOf = ({ address }: (typeof fitting)[number]): string | undefined => pciAddressOf(address?.pciSlotNumber);
  const exact = fitting.filter((disk) => slotOf(disk) === pciAddress);
  if (exact.length === 1) return exact[0]?.index;
  const unknown = fitting.filter((disk) => slotOf(disk) === undefined);
  const lowest = FIRST_CONTROLLERS.has(pciAddress) ? unknown.filter((disk) => disk.address?.controller === 0) : unknown;
  return lowest.length === 1 ? lowest[0]?.index : undefined;
}
