import type { TargetHardware } from '../../contract/boot-check.ts';
import { kernelName } from '../../contract/target-names.ts';
import type { BlockDevice, Guest } from '../../guest.ts';

type Known = Pick<Guest, 'disks' | 'diskOrder'>;

/** Target hardware with all disks on virtio, in their order. */
export function virtioHardware({ disks }: Pick<Guest, 'disks'>): TargetHardware {
  return hardwareWith(disks.map(() => ({ driver: 'virtio_blk', names: 'vd' })));
}

/** The name of the device on VMware's SCSI controllers: `/dev/sdb1`. */
export function sourcePath(device: BlockDevice, { disks, diskOrder }: Known): string | undefined {
  if (device.disk === undefined) return undefined;
  const place = diskOrder.indexOf(device.disk);
  const hardware = hardwareWith(disks.map(() => ({ driver: 'vmw_pvscsi', names: 'sd' })));
  return kernelName({ disk: place < 0 ? device.disk : place, partition: device.partition }, hardware);
}

function hardwareWith(disks: TargetHardware['disks']): TargetHardware {
  return { firmware: 'bios', secureBoot: false, disks, nics: [] };
}
