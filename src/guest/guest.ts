import type { GuestFiles } from './guest-files.ts';
import type { Guestfs } from './guestfs.ts';

/** A disk of the guest, and what its machine on VMware tells of it. */
export interface GuestDisk {
  path: string;
  format: string;
  address?: DiskAddress | undefined;
  /** VMware's UUID of the disk: 32 hexadecimal digits in lower case. With `disk.EnableUUID` the guest saw it as the disk's SCSI id and serial. */
  uuid?: string | undefined;
}

/** A name that the guest's own configuration gives to a disk by its id on VMware: an alias of multipath, or a link that a udev rule makes. */
export interface DiskAlias {
  /** Absolute; `%n` stands for the number of a partition. */
  name: string;
  /** Counted from 0; undefined for a disk that the VM does not have, or that is not known by its id. */
  disk: number | undefined;
  /** `any`: partitions have their number after the name. Undefined: the disk, or what `%n` says. */
  partition: number | 'any' | undefined;
  /** The file with the rule. */
  file?: string | undefined;
}

/** Where a disk hung. */
export interface DiskAddress {
  bus: 'scsi' | 'ide' | 'sata' | 'nvme';
  /** The number of its controller among those of the bus. */
  controller: number;
  /** On the controller. */
  unit: number;
  /** VMware's number of the controller's PCI slot, where the source tells it. */
  pciSlotNumber?: number | undefined;
}

/** A NIC of the machine on VMware. */
export interface GuestNic {
  /** With colons; undefined when the source does not contain it. */
  mac: string | undefined;
  /** Lower case, as the source names it: `vmxnet3`, `e1000`; '' or undefined when it is not known. */
  model?: string | undefined;
  /** On VMware; a guest with predictable names calls the card `ensNUMBER`. */
  pciSlotNumber?: number | undefined;
}

/** A partition, a logical volume, an array or an opened encrypted volume. */
export interface BlockDevice {
  /** As the appliance calls it: `/dev/sda1` is the first partition of the first disk. */
  name: string;
  /** Of a partition: its disk counted from 0, and its number. */
  disk?: number | undefined;
  partition?: number | undefined;
  /** As blkid names it: `ext4`, `swap`, `crypto_LUKS`, `LVM2_member`; '' when nothing is known on it. */
  type: string;
  uuid?: string | undefined;
  label?: string | undefined;
  partUuid?: string | undefined;
  partLabel?: string | undefined;
  /** Of a physical volume of LVM, and of a logical volume: the name of the volume group. */
  volumeGroup?: string | undefined;
  /** Of an md array: its UUID, in any notation, and the name in its metadata without the host's. */
  arrayUuid?: string | undefined;
  arrayName?: string | undefined;
  /** Of an md array, or a physical or logical volume: how many members of the array, or physical volumes of the group, are on none of the disks. */
  missingMembers?: number | undefined;
}

/** An encrypted volume that is open in the appliance. */
export interface EncryptedVolume {
  /** The encrypted device, as the appliance calls it. */
  device: string;
  /** The volume is `/dev/mapper/NAME`: the name that the guest's configuration has for it, else `luks-UUID`. */
  name: string;
}

/** A file system that is part of the system. */
export interface GuestMount {
  /** What libguestfs mounts: a device, or `btrfsvol:DEVICE/SUBVOLUME`. */
  mountable: string;
  path: string;
}

/** A kernel that is installed and can boot. */
export interface GuestKernel {
  /** As below `/lib/modules`: letters, digits and `._+~-` only. */
  version: string;
  image: string;
  /** Undefined when there is none beside the kernel. */
  initramfs: string | undefined;
}

/** What the system says of itself. */
export interface GuestSystem {
  /** `ID` of os-release, or what an older release file tells: `debian`, `rhel`, `sles`, `arch`; '' when unknown. */
  id: string;
  /** `ID_LIKE` of os-release. */
  idLike: readonly string[];
  version: string;
  /** For a person: `Debian GNU/Linux 12 (bookworm)`. */
  prettyName: string;
}

/** A system on disks, mounted in the appliance. */
export interface Guest {
  session: Guestfs;
  files: GuestFiles;
  disks: readonly GuestDisk[];
  /** In the order of their PCI addresses, in which the kernel finds them. */
  nics: readonly GuestNic[];
  devices: readonly BlockDevice[];
  /** The encrypted volumes that were opened. */
  opened: readonly EncryptedVolume[];
  /** Which disk the guest's first, second, ... was: `/dev/sdb` is disk `diskOrder[1]`. */
  diskOrder: readonly number[];
  /** Names by ids of VMware. */
  aliases?: readonly DiskAlias[] | undefined;
  system: GuestSystem;
  /** The root's device is that of the mount `/`. The shortest path first. */
  mounts: readonly GuestMount[];
  kernels: readonly GuestKernel[];
}

/** The device that is mounted at `/`. */
export function rootDevice({ mounts, devices }: Pick<Guest, 'mounts' | 'devices'>): BlockDevice | undefined {
  const mountable = mounts.find(({ path }) => path === '/')?.mountable ?? '';
  return devices.find(({ name }) => name === deviceOf(mountable));
}

/** The device of a mountable: a subvolume lies on one. */
export function deviceOf(mountable: string): string {
  if (!mountable.startsWith('btrfsvol:')) return mountable;
  return (
    /^btrfsvol:(\/dev\/(?:mapper\/[^/]+|sd[a-z]+\d*|md[^/]*|[^/]+\/[^/]+|[^/]+))\//.exec(mountable)?.[1] ?? mountable
  );
}
