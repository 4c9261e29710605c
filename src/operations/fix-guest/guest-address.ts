import type { ControllerKind, VmDisk } from '../../base/vm-config.ts';
import type { DiskAddress } from '../../guest/guest.ts';

const OTHER_BUSES: Partial<Record<ControllerKind, DiskAddress['bus'] | 'none'>> = {
  ide: 'ide',
  sata: 'sata',
  nvme: 'nvme',
  usb: 'none',
  virtio: 'none',
};

/** The controller's bus in the terms of the guest's disk names; undefined if names do not contain a place on it. */
function guestBusOf(kind: ControllerKind | undefined): DiskAddress['bus'] | undefined {
  if (kind === undefined) return undefined;
  const bus = OTHER_BUSES[kind] ?? 'scsi';
  return bus === 'none' ? undefined : bus;
}

/** The disk's address in the source VM, for device names in the guest that depend on it. */
export function guestAddressOf({
  controller,
  unitNumber,
}: Partial<Pick<VmDisk, 'controller' | 'unitNumber'>>): DiskAddress | undefined {
  const bus = guestBusOf(controller?.kind);
  if (controller === undefined || bus === undefined || unitNumber === undefined) return undefined;
  return { bus, controller: controller.address, unit: unitNumber, pciSlotNumber: controller.pciSlotNumber };
}
