import type { GuestFiles } from './guest-files.ts';
import type { Guestfs } from './guestfs.ts';

/** A disk of the guest, and its properties in the VM on VMware. */
export interface GuestDisk {
  path: string;
  format: string;
  address?: DiskAddress | undefined;
  /**
   * VMware's UUID of the disk: 32 hexadecimal digits in lower case. With `disk.EnableUUID` the guest saw it as the
   * disk's SCSI id and serial number.
   */
  uuid?: string | undefined;
}

/**
 * A name that the guest's configuration gives a disk by its id on VMware: a multipath alias, or a link that a udev
 * rule creates.
 */
export interface DiskAlias {
  /** Absolute; `%n` represents the partition number. */
  name: string;
  /** Counted from 0; undefined for a disk that the VM does not have, or whose id is not known. */
  disk: number | undefined;
  /** `any`: partitions have their number after the name. Undefined: the disk, or the partition in `%n`. */
  partition: number | 'any' | undefined;
  /** The file with the rule. */
  file?: string | undefined;
}

/** The address of a disk on VMware. */
export interface DiskAddress {
  bus: 'scsi' | 'ide' | 'sata' | 'nvme';
  /** The number of its controller among those of the same bus. */
  controller: number;
  /** The unit number on the controller. */
  unit: number;
  /** VMware's PCI slot number of the controller, if the source contains it. */
  pciSlotNumber?: number | undefined;
}

/** A NIC of the VM on VMware. */
export interface GuestNic {
  /** With colons; undefined if the source does not contain it. */
  mac: string | undefined;
  /** Lower case, as the source names it: `vmxnet3`, `e1000`; '' or undefined if it is not known. */
  model?: string | undefined;
  /** The slot number on VMware; a guest with predictable names calls the NIC `ensNUMBER`. */
  pciSlotNumber?: number | undefined;
}

/** A partition, a logical volume, an array or an opened encrypted volume. */
export interface BlockDevice {
  /** The appliance's name: `/dev/sda1` is the first partition of the first disk. */
  name: string;
  /** For a partition: its disk counted from 0, and its number. */
  disk?: number | undefined;
  partition?: number | undefined;
  /** blkid's type: `ext4`, `swap`, `crypto_LUKS`, `LVM2_member`; '' for unknown content. */
  type: string;
  uuid?: string | undefined;
  label?: string | undefined;
  partUuid?: string | undefined;
  partLabel?: string | undefined;
  /** For an LVM physical or logical volume: the name of the volume group. */
  volumeGroup?: string | undefined;
  /** For an md array: its UUID in any notation, and the name in its metadata without the host name. */
  arrayUuid?: string | undefined;
  arrayName?: string | undefined;
  /**
   * For an md array, or a physical or logical volume: how many members of the array, or physical volumes of the
   * group, are missing from the disks.
   */
  missingMembers?: number | undefined;
}

/** An encrypted volume that is open in the appliance. */
export interface EncryptedVolume {
  /** The encrypted device, by the appliance's name. */
  device: string;
  /** The volume is `/dev/mapper/NAME`: the name in the guest's configuration, or else `luks-UUID`. */
  name: string;
}

/** A file system of the guest's operating system. */
export interface GuestMount {
  /** libguestfs' mountable: a device, or `btrfsvol:DEVICE/SUBVOLUME`. */
  mountable: string;
  path: string;
}

/** An installed kernel that can boot. */
export interface GuestKernel {
  /** Its folder in `/lib/modules`: letters, digits and `._+~-` only. */
  version: string;
  image: string;
  /** Undefined if there is none for the kernel. */
  initramfs: string | undefined;
}

/** The operating system's own description. */
export interface GuestSystem {
  /**
   * `ID` of os-release, or its equivalent from an older release file: `debian`, `rhel`, `sles`, `arch`; '' if
   * unknown.
   */
  id: string;
  /** `ID_LIKE` of os-release. */
  idLike: readonly string[];
  version: string;
  /** For people: `Debian GNU/Linux 12 (bookworm)`. */
  prettyName: string;
}

/** An operating system on disks, mounted in the appliance. */
export interface Guest {
  session: Guestfs;
  files: GuestFiles;
  disks: readonly GuestDisk[];
  /** In PCI address order, in which the kernel finds them. */
  nics: readonly GuestNic[];
  devices: readonly BlockDevice[];
  /** The encrypted volumes that were opened. */
  opened: readonly EncryptedVolume[];
  /** The disk numbers in the guest's order: `/dev/sdb` is disk `diskOrder[1]`. */
  diskOrder: readonly number[];
  /** Names that are based on VMware's ids. */
  aliases?: readonly DiskAlias[] | undefined;
  system: GuestSystem;
  /** The shortest path first; the mount `/` is the root device's. */
  mounts: readonly GuestMount[];
  kernels: readonly GuestKernel[];
}

/** The device that is mounted at `/`. */
export function rootDevice({ mounts, devices }: Pick<Guest, 'mounts' | 'devices'>): BlockDevice | undefined {
  const mountable = mounts.find(({ path }) => path === '/')?.mountable ?? '';
  return devices.find(({ name }) => name === deviceOf(mountable));
}

/** The device of a mountable, which may be a subvolume. */
export function deviceOf(mountable: string): string {
  if (!mountable.startsWith('btrfsvol:')) return mountable;
  return (
    /^btrfsvol:(\/dev\/(?:mapper\/[^/]+|sd[a-z]+\d*|md[^/]*|[^/]+\/[^/]+|[^/]+))\//.exec(mountable)?.[1] ?? mountable
  );
}
