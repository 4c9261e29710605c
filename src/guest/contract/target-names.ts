import type { BlockDevice } from '../guest.ts';
import type { TargetDisk, TargetHardware } from './boot-check.ts';

/** The length of a serial number in virtio-blk (VIRTIO_BLK_ID_BYTES), ATA and NVMe. */
const SHORT_SERIAL_LENGTH = 20;

/**
 * The kernel's name of a device on the target: `/dev/vda1`; undefined for volumes and arrays, and if the disk does
 * not exist.
 */
export function kernelName(
  device: Pick<BlockDevice, 'disk' | 'partition'>,
  hardware: TargetHardware,
): string | undefined {
  if (device.disk === undefined) return undefined;
  const disk = diskName(device.disk, hardware);
  if (disk === undefined || device.partition === undefined) return disk;
  return `${disk}${/\d$/.test(disk) ? 'p' : ''}${device.partition}`;
}

/** `/dev/vda` for the first disk of the target; `index` refers to `TargetHardware.disks`. */
function diskName(index: number, { disks }: TargetHardware): string | undefined {
  const names = disks[index]?.names;
  if (names === undefined) return undefined;
  const place = disks.slice(0, index).filter((disk) => disk.names === names).length;
  return names === 'nvme' ? `/dev/nvme${place}n1` : `/dev/${names}${diskLetters(place)}`;
}

/** 0 is `a`, 25 is `z`, 26 is `aa`. */
function diskLetters(index: number): string {
  const last = String.fromCharCode(97 + (index % 26));
  return index < 26 ? last : diskLetters(Math.floor(index / 26) - 1) + last;
}

/**
 * The hardware-dependent names of a partition or disk in `/dev/disk/by-id`, which udev derives from the serial
 * numbers of QEMU's disks.
 */
export function hardwareIds(device: Pick<BlockDevice, 'disk' | 'partition'>, hardware: TargetHardware): string[] {
  const disk = device.disk === undefined ? undefined : hardware.disks[device.disk];
  if (disk?.serial === undefined) return [];
  const part = device.partition === undefined ? '' : `-part${device.partition}`;
  return idsOfDisk(disk, udevSafe(disk.serial)).map((id) => `${id}${part}`);
}

/** `60-persistent-storage.rules` of systemd, `scsi_id` and `ata_id`; names with `S` come from sg3_utils. */
function idsOfDisk({ driver, names }: TargetDisk, serial: string): string[] {
  const short = serial.slice(0, SHORT_SERIAL_LENGTH);
  if (names === 'nvme') return [`nvme-QEMU_NVMe_Ctrl_${short}`, `nvme-QEMU_NVMe_Ctrl_${short}_1`];
  if (names === 'vd') return [`virtio-${short}`];
  if (driver === 'ahci' || driver === 'ata_piix') {
    const ata = `QEMU_HARDDISK_${short}`;
    return [`ata-${ata}`, `scsi-0ATA_${ata}`, `scsi-1ATA_${ata}`, `scsi-SATA_${ata}`];
  }
  return [`scsi-0QEMU_QEMU_HARDDISK_${serial}`, `scsi-SQEMU_QEMU_HARDDISK_${serial}`];
}

/** The serial number as the guest sees it. */
export function guestSerial({ driver, names, serial }: TargetDisk): string | undefined {
  const isLong = names === 'sd' && driver !== 'ahci' && driver !== 'ata_piix';
  return isLong ? serial : serial?.slice(0, SHORT_SERIAL_LENGTH);
}

/**
 * The output of `scsi_id` for a disk on the target; undefined for disks that it cannot query, such as virtio-blk
 * disks.
 */
export function scsiId(disk: TargetDisk): string | undefined {
  if (disk.names !== 'sd' || disk.serial === undefined) return undefined;
  const isAta = disk.driver === 'ahci' || disk.driver === 'ata_piix';
  return isAta
    ? `0ATA_QEMU_HARDDISK_${disk.serial.slice(0, SHORT_SERIAL_LENGTH)}`
    : `0QEMU_QEMU_HARDDISK_${disk.serial}`;
}

/** Every path of a partition or disk on the target: LVM's filters and mdadm's DEVICE lines can match any of them. */
export function devicePaths(device: BlockDevice, hardware: TargetHardware): string[] {
  const kernel = kernelName(device, hardware);
  const byContent = [
    ['by-uuid', device.uuid],
    ['by-label', device.label],
    ['by-partuuid', device.partUuid],
    ['by-partlabel', device.partLabel],
  ].flatMap(([folder, value]) => (value === undefined ? [] : [`/dev/disk/${folder}/${udevSafe(value)}`]));
  const byId = [
    ...hardwareIds(device, hardware),
    ...(device.type === 'LVM2_member' && device.uuid ? [`lvm-pv-uuid-${device.uuid}`] : []),
  ].map((id) => `/dev/disk/by-id/${id}`);
  // The appliance's names of partitions differ from the target's; those of volumes and arrays are the same.
  const own = device.disk === undefined ? [device.name] : [];
  return [...(kernel === undefined ? own : [kernel]), ...byContent, ...byId];
}

/** udev escapes unusual characters of a name as `\x20`, and replaces white space in a serial number with `_`. */
function udevSafe(text: string): string {
  return text
    .trim()
    .replace(/\s+/g, '_')
    .replace(/[^\w#+.:=@-]/g, (each) => `\\x${each.charCodeAt(0).toString(16).padStart(2, '0')}`);
}

/** Partitions and disks, including disks without any content of their own. */
export function hardwareDevices(devices: readonly BlockDevice[], { disks }: TargetHardware): BlockDevice[] {
  const whole = disks.flatMap((_, disk) =>
    devices.some((device) => device.disk === disk && device.partition === undefined)
      ? []
      : [{ name: `disk ${disk + 1}`, disk, type: '' }],
  );
  return [...devices.filter(({ disk }) => disk !== undefined), ...whole];
}
