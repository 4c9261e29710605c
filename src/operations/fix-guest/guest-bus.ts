import type { ControllerKind } from '../../base/vm-config.ts';
import type { DiskAddress } from '../../guest/guest.ts';

const OTHER_BUSES: Partial<Record<ControllerKind, DiskAddress['bus'] | 'none'>> = {
  ide: 'ide',
  sata: 'sata',
  nvme: 'nvme',
  usb: 'none',
  virtio: 'none',
};

/** The controller's bus in the terms of the guest's disk names; undefined if names do not contain a place on it. */
export function guestBusOf(kind: ControllerKind | undefined): DiskAddress['bus'] | undefined {
  if (kind === undefined) return undefined;
  const bus = OTHER_BUSES[kind] ?? 'scsi';
  return bus === 'none' ? undefined : bus;
}
