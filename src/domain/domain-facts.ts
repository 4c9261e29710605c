/** A virtual machine as libvirt runs it, whatever it came from. */
export interface DomainFacts {
  /** Any text: what libvirt or XML cannot hold is replaced, see `domainName`. */
  name: string;
  /** From the source; without one libvirt makes its own when the domain is defined. */
  uuid?: string | undefined;
  memoryBytes: number;
  vcpus: number;
  /** A divisor of `vcpus`; without one libvirt makes a socket of each. */
  coresPerSocket?: number | undefined;
  firmware: 'bios' | 'uefi';
  /** For UEFI only: refuse unsigned boot loaders, with the well-known keys enrolled. */
  secureBoot: boolean;
  machine: 'q35' | 'pc';
  /** In the order in which the guest sees them. */
  disks: DomainDisk[];
  nics: DomainNic[];
  /** The source's id of the guest's system, kept as metadata. */
  guestId?: string | undefined;
}

/** `ide` fits machine `pc` only; `scsi` is a virtio-scsi controller. */
export type DiskBus = 'sata' | 'virtio' | 'scsi' | 'ide';

export interface DomainDisk {
  /** Absolute. */
  path: string;
  format: 'qcow2' | 'raw' | 'vmdk';
  bus: DiskBus;
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
