/** A network card of the source: the slot gives the guest's name for it, `ens192` for slot 192. */
export interface RecipeNetworkCard {
  model: 'vmxnet3' | 'e1000e';
  macAddress: string;
  pciSlotNumber: 192 | 224;
}

/** A disk of the source. The first one of a recipe holds the system. */
export interface RecipeDisk {
  sizeMiB: number;
  /** The unit of SCSI, or the port of AHCI. */
  scsiUnit: number;
}

/** What a guest is made of. Everything that pins it to VMware's hardware is written here and nowhere else. */
export interface GuestRecipe {
  name: string;
  /** One line: what pins this guest. */
  summary: string;
  /** BIOS when absent. */
  firmware?: 'uefi';
  /** With UEFI `ahci`: Debian's OVMF has no driver for the others, which VMware's firmware has. */
  controller: 'pvscsi' | 'mptsas1068' | 'ahci';
  disks: readonly RecipeDisk[];
  /** In the order of the virtual machine, which need not be the order of the slots. */
  networkCards: readonly RecipeNetworkCard[];
  /** Packages beyond those of the base. */
  packages: readonly string[];
  /** Files of the guest, by path. Those in an `sbin` are made executable. */
  files: Readonly<Record<string, string>>;
  /** Shell commands in the tree of the guest, before it has a disk. */
  prepare?: string;
  /**
   * The first disk has an MBR, an ext4 root in its first partition, and room for swap in the second. `mke2fs` fills the
   * root where it stands, which takes seconds; copying files into an emulated appliance takes minutes.
   */
  ext4Root?: true;
  /** guestfish commands that make what file systems are left and mount all of them. Disks are /dev/sda, /dev/sdb in the order of `disks`. */
  layout: string;
  /** Shell commands in the guest on its disk, which is called `$disk`: the boot loader. */
  install: string;
}
