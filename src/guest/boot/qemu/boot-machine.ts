/** As QEMU names them: the processor's own virtualization, or emulation. */
export type Accelerator = 'kvm' | 'tcg';

/** A machine as a boot test runs it: hardware only, as QEMU is told it. */
export interface BootMachine {
  machine: 'q35' | 'pc';
  memoryBytes: number;
  vcpus: number;
  /** A divisor of `vcpus`; undefined makes a socket of each. */
  coresPerSocket: number | undefined;
  /** What the guest takes the hardware clock for. */
  clock: 'utc' | 'localtime';
  /** From libvirt; undefined has QEMU make none. */
  uuid: string | undefined;
  firmware: BootFirmware;
  /** In the order in which the guest sees them. */
  disks: BootDisk[];
  /** In the order of their PCI addresses; QEMU is given addresses in that order. */
  nics: BootNic[];
}

export type BootFirmware = { kind: 'bios' } | UefiFirmware;

/** A pair of flash images; the second is copied for each run. */
export interface UefiFirmware {
  kind: 'uefi';
  codePath: string;
  codeFormat: FlashFormat;
  varsPath: string;
  varsFormat: FlashFormat;
  /** The image wants system management mode, and keeps its variables behind it. */
  needsSmm: boolean;
}

export type FlashFormat = 'raw' | 'qcow2';

/** The SCSI controllers that QEMU emulates, by their device's name there. */
export type ScsiModel = 'virtio-scsi-pci' | 'pvscsi' | 'lsi53c895a' | 'mptsas1068' | 'megasas' | 'megasas-gen2';

/** Where a disk hangs. */
export type DiskPlace =
  | { bus: 'virtio' }
  | { bus: 'nvme' }
  | { bus: 'sata' }
  | { bus: 'ide' }
  | { bus: 'usb' }
  /** All disks of one controller say the same model. */
  | { bus: 'scsi'; model: ScsiModel; controller: number; target: number; lun: number };

/** The image formats by the names of QEMU's drivers. */
export type DiskFormat = 'raw' | 'qcow2' | 'vmdk' | 'vpc' | 'vhdx' | 'vdi';

export interface BootDisk {
  /** Absolute; only ever read. */
  path: string;
  format: DiskFormat;
  place: DiskPlace;
  /** Disks are tried from the lowest on; where one has an index, those without are not tried. */
  bootIndex: number | undefined;
  /** Letters, digits and `_.+-`, up to 36; undefined without one. */
  serial?: string | undefined;
}

export interface BootNic {
  /** Six bytes in hexadecimal with colons, lower case. */
  mac: string;
  /** The device's name in QEMU: `virtio-net-pci`, `e1000e`, `vmxnet3`. */
  device: string;
  /** On the root bus of q35, and not behind a root port. */
  onRootBus?: boolean | undefined;
}
