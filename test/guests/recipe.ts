import type { Suite } from './apt-source.ts';

/**
 * A network adapter of the source. The first NIC of a recipe is on the network 10.0.2.0/24, and the second one is on
 * 10.0.3.0/24.
 */
export interface RecipeNetworkCard {
  model: 'vmxnet3' | 'e1000e';
  macAddress: string;
  pciSlotNumber: 192 | 224;
  /** The NIC's name in the guest on VMware. By default, the name of its slot, such as `ens192`. */
  name?: string;
}

/** A disk of the source. The first disk of a recipe contains the system. */
export interface RecipeDisk {
  sizeMiB: number;
  /** The SCSI unit, or the AHCI port. */
  scsiUnit: number;
  /**
   * `backing.uuid` of a disk in a VM with `disk.EnableUUID`: its serial number, and the source of its SCSI ID. If
   * absent, the guest sees neither.
   */
  uuid?: string;
}

/**
 * The place on the first disk where `mke2fs` creates and fills a root. After that, the layout's commands create a
 * volume around it.
 */
export interface Ext4Root {
  /** The script for sfdisk: the label, then one line per partition. */
  partitions: readonly string[];
  /** Start of the volume that contains the root, on the disk. */
  startMiB: number;
  /** Start of the root in the volume: 1 for the first extent of LVM. */
  offsetMiB?: number;
  sizeMiB: number;
  /** UUID of the file system. */
  uuid?: string;
  /** Encrypts the volume. The LUKS header takes 16 MiB before it. */
  luks?: { uuid: string; passphrase: string };
  /** The second disk starts as a copy of the first one, for the two halves of a mirror. */
  isMirrored?: true;
}

/** The recipe of a guest. Everything that ties the guest to VMware's hardware is defined here and nowhere else. */
export interface GuestRecipe {
  name: string;
  /** One line that describes what ties this guest to VMware. */
  summary: string;
  /** The default is Debian 12. */
  suite?: Suite;
  /** The default is BIOS. */
  firmware?: 'uefi' | 'uefi-secure-boot';
  /** With UEFI use `ahci`: Debian's OVMF has no drivers for the other controllers, unlike VMware's firmware. */
  controller: 'pvscsi' | 'mptsas1068' | 'ahci' | 'nvme';
  disks: readonly RecipeDisk[];
  /** In the order of the VM, which can differ from the order of the slots. */
  networkAdapters: readonly RecipeNetworkCard[];
  /** Opens the encrypted volumes. It is typed on the serial console when the guest asks, and is passed to the fix. */
  passphrase?: string;
  /** Packages in addition to those of the base. */
  packages: readonly string[];
  /** Files of the guest, by path. Files in an `sbin` folder are made executable. */
  files: Readonly<Record<string, string>>;
  /** Shell commands that run in the guest's tree before it has a disk. */
  prepare?: string;
  /**
   * `mke2fs` creates the root in its final place and fills it, which takes seconds. Copying files into an emulated
   * appliance takes minutes.
   * With `true`, the first disk has an MBR, the root in its first partition, and space for swap in the second.
   */
  ext4Root?: true | Ext4Root;
  /**
   * guestfish commands that create the remaining file systems and mount all of them. Disks are /dev/sda, /dev/sdb, in
   * the order of `disks`.
   */
  layout: string;
  /** Shell commands that run in the guest on its disk, `$disk`. They install the boot loader. */
  install: string;
}

/** Returns the guest's name for a NIC on VMware. */
export function cardName(card: RecipeNetworkCard): string {
  return card.name ?? `ens${card.pciSlotNumber}`;
}

/**
 * Returns the 32 hexadecimal digits of a disk's UUID in lower case, as they appear in its serial number and its SCSI
 * ID.
 */
export function diskDigits(uuid: string): string {
  const digits = uuid.toLowerCase().replaceAll('-', '');
  if (!/^6000c29[0-9a-f]{25}$/.test(digits)) throw new Error(`${uuid} is not the UUID of a virtual disk of VMware`);
  return digits;
}
