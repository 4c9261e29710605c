import type { ControllerKind } from '../../base/vm-config.ts';
import type { DiskAddress } from '../../guest/guest.ts';

const OTHER_BUSES: Partial<Record<ControllerKind, DiskAddress['bus'] | 'none'>> = {
  ide: 'ide',
  sata: 'sata',
  nvme: 'nvme',
  usb: 'none',
  virtio: 'none',
};

/** The bus of a controller as a guest's names of disks know it; undefined where names tell no place there. */
export function guestBusOf(kind: ControllerKind | undefined): DiskAddress['bus'] | undefined {
  if (kind === undefined) return undefined;
  const bus = OTHER_BUSES[kind] ?? 'scsi';
  return bus === 'none' ? undefined : bus;
}
