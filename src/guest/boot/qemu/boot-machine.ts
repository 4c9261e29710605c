/** QEMU's names for hardware virtualization and emulation. */
export type Accelerator = 'kvm' | 'tcg';

/** A VM for a boot test: hardware only, in QEMU's terms. */
export interface BootMachine {
  machine: 'q35' | 'pc';
  memoryBytes: number;
  vcpus: number;
  /** A divisor of `vcpus`; undefined gives each vCPU its own socket. */
  coresPerSocket: number | undefined;
  /** How the guest interprets the hardware clock. */
  clock: 'utc' | 'localtime';
  /** From libvirt; undefined sets no UUID. */
  uuid: string | undefined;
  firmware: BootFirmware;
  /** In the order in which the guest sees them. */
  disks: BootDisk[];
  /** In PCI address order; QEMU assigns addresses in that order. */
  nics: BootNic[];
  /** The VM has the port of the QEMU guest agent; undefined for yes. */
  hasAgentPort?: boolean | undefined;
}

export type BootFirmware = { kind: 'bios' } | UefiFirmware;

/** A pair of flash images; the second is copied for each run. */
export interface UefiFirmware {
  kind: 'uefi';
  codePath: string;
  codeFormat: FlashFormat;
  varsPath: string;
  varsFormat: FlashFormat;
  /** The image requires system management mode, which protects its variables. */
  needsSmm: boolean;
}

export type FlashFormat = 'raw' | 'qcow2';

/** The SCSI controllers that QEMU emulates, by QEMU's device names. */
export type ScsiModel = 'virtio-scsi-pci' | 'pvscsi' | 'lsi53c895a' | 'mptsas1068' | 'megasas' | 'megasas-gen2';

/** The bus address of a disk. */
export type DiskPlace =
  | { bus: 'virtio' }
  | { bus: 'nvme' }
  | { bus: 'sata' }
  | { bus: 'ide' }
  | { bus: 'usb' }
  /** All disks of one controller have the same model. */
  | { bus: 'scsi'; model: ScsiModel; controller: number; target: number; lun: number };

/** The image formats, by the names of QEMU's block drivers. */
export type DiskFormat = 'raw' | 'qcow2' | 'vmdk' | 'vpc' | 'vhdx' | 'vdi';

export interface BootDisk {
  /** Absolute; opened read-only. */
  path: string;
  format: DiskFormat;
  place: DiskPlace;
  /** Disks are tried in ascending order. If any disk has an index, disks without one are not tried. */
  bootIndex: number | undefined;
  /** Up to 36 letters, digits and `_.+-`; undefined if there is none. */
  serial?: string | undefined;
}

export interface BootNic {
  /** Six hexadecimal bytes with colons, lower case. */
  mac: string;
  /** QEMU's device name: `virtio-net-pci`, `e1000e`, `vmxnet3`. */
  device: string;
  /** The NIC is on the root bus of q35 and not on a root port. */
  onRootBus?: boolean | undefined;
  /** The addresses that the guest is expected to use on it, in the short form of RFC 5952. */
  expected?: readonly string[] | undefined;
}
