import type { Suite } from './apt-source.ts';

/** A network card of the source. The first card of a recipe is on the network 10.0.2.0/24, the second one on 10.0.3.0/24. */
export interface RecipeNetworkCard {
  model: 'vmxnet3' | 'e1000e';
  macAddress: string;
  pciSlotNumber: 192 | 224;
  /** The guest's name for it on VMware; that of its slot, `ens192`, when absent. */
  name?: string;
}

/** A disk of the source. The first one of a recipe holds the system. */
export interface RecipeDisk {
  sizeMiB: number;
  /** The unit of SCSI, or the port of AHCI. */
  scsiUnit: number;
  /** `backing.uuid` of a disk of a VM with `disk.EnableUUID`: its serial number, and the source of its SCSI id. The guest sees neither when absent. */
  uuid?: string;
}

/** Where `mke2fs` fills a root on the first disk, before the layout's commands make a volume of what is around it. */
export interface Ext4Root {
  /** sfdisk's script: the label, then a line for each partition. */
  partitions: readonly string[];
  /** Where the volume that holds the root starts on the disk. */
  startMiB: number;
  /** Where the root starts in the volume: 1 for the first extent of LVM. */
  offsetMiB?: number;
  sizeMiB: number;
  /** Of the file system. */
  uuid?: string;
  /** The volume is encrypted, which takes 16 MiB before it. */
  luks?: { uuid: string; passphrase: string };
  /** The second disk starts as a copy of the first: the halves of a mirror. */
  isMirrored?: true;
}

/** What a guest is made of. Everything that pins it to VMware's hardware is written here and nowhere else. */
export interface GuestRecipe {
  name: string;
  /** One line: what pins this guest. */
  summary: string;
  /** Debian 12 when absent. */
  suite?: Suite;
  /** BIOS when absent. */
  firmware?: 'uefi' | 'uefi-secure-boot';
  /** With UEFI `ahci`: Debian's OVMF has no driver for the others, which VMware's firmware has. */
  controller: 'pvscsi' | 'mptsas1068' | 'ahci' | 'nvme';
  disks: readonly RecipeDisk[];
  /** In the order of the virtual machine, which need not be the order of the slots. */
  networkCards: readonly RecipeNetworkCard[];
  /** Opens the encrypted volumes; typed on the serial console when the guest asks, and given to the fix. */
  passphrase?: string;
  /** Packages beyond those of the base. */
  packages: readonly string[];
  /** Files of the guest, by path. Those in an `sbin` are made executable. */
  files: Readonly<Record<string, string>>;
  /** Shell commands in the tree of the guest, before it has a disk. */
  prepare?: string;
  /**
   * `mke2fs` fills the root where it is, which takes seconds; copying files into an emulated appliance takes minutes. With `true` the first disk has an
   * MBR, the root in its first partition, and room for swap in the second.
   */
  ext4Root?: true | Ext4Root;
  /** guestfish commands that make what file systems are left and mount all of them. Disks are /dev/sda, /dev/sdb in the order of `disks`. */
  layout: string;
  /** Shell commands in the guest on its disk, which is called `$disk`: the boot loader. */
  install: string;
}

/** The guest's name for a card on VMware. */
export function cardName(card: RecipeNetworkCard): string {
  return card.name ?? `ens${card.pciSlotNumber}`;
}

/** The 32 hexadecimal digits of a disk's UUID, in lower case, as they are in its serial number and its SCSI id. */
export function diskDigits(uuid: string): string {
  const digits = uuid.toLowerCase().replaceAll('-', '');
  if (!/^6000c29[0-9a-f]{25}$/.test(digits)) throw new Error(`${uuid} is not the UUID of a virtual disk of VMware`);
  return digits;
}
