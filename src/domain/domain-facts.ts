import type { NamedVm } from './vm-name.ts';

/** A virtual machine as libvirt runs it, whatever it came from. */
export interface DomainFacts extends NamedVm {
  /** From the source; without one libvirt makes its own when the domain is defined. */
  uuid?: string | undefined;
  memoryBytes: number;
  vcpus: number;
  /** A divisor of `vcpus`; without one libvirt makes a socket of each. */
  coresPerSocket?: number | undefined;
  /** UEFI begins with fresh variables, which libvirt makes of the firmware's template. */
  firmware: 'bios' | 'uefi';
  /** For UEFI only: refuse unsigned boot loaders, with the well-known keys enrolled. */
  secureBoot: boolean;
  /** A new, empty TPM 2.0, which `swtpm` emulates. */
  tpm: boolean;
  /** `virt` is that of ARM, with UEFI and without secure boot; the others are x86-64. */
  machine: 'q35' | 'pc' | 'virt';
  /** What the guest takes the hardware clock for: Windows for the local time. */
  clock: 'utc' | 'localtime';
  /** Hyper-V's interfaces, by which a Windows guest knows that it is virtual: it then spins and polls less. */
  hyperv: boolean;
  /** By index; disks with the bus `scsi` name one. */
  scsiControllers: ScsiModel[];
  /** In the order in which the guest sees them. */
  disks: DomainDisk[];
  /** Empty drives. */
  cdRoms: Extract<DiskBus, 'sata' | 'ide' | 'scsi'>[];
  /** In the order in which the guest is to find them: the domain gives them PCI addresses in that order. */
  nics: DomainNic[];
  /** The source's id of the guest's system, kept as metadata. */
  guestId?: string | undefined;
}

/** libvirt's names: `vmpvscsi` is VMware's paravirtual controller, `lsisas1068` its LSI Logic SAS, `lsilogic` a 53C895A. */
export type ScsiModel = 'virtio-scsi' | 'vmpvscsi' | 'lsisas1068' | 'lsilogic';

/** `ide` fits machine `pc` only; machine `virt` has `virtio` and `scsi`. */
export type DiskBus = 'sata' | 'virtio' | 'scsi' | 'ide';

export interface DomainDisk {
  /** Absolute. */
  path: string;
  format: 'qcow2' | 'raw' | 'vmdk';
  bus: DiskBus;
  /** For the bus `scsi`, and only there. */
  scsi?: { controller: number; target: number } | undefined;
  /** virtio-blk and SATA show the first 20 characters. */
  serial?: string | undefined;
  /** Disks with one are tried before those without, the lowest first. */
  bootOrder?: number | undefined;
}

export interface DomainNic {
  /** Without one libvirt makes one. */
  mac?: string | undefined;
  /** As QEMU names it: `e1000e`, `virtio`. */
  model: string;
  /** The name of a libvirt network on the host where the domain will run. */
  network: string;
}
