import type { NicConnection } from './networks.ts';
import type { NamedVm } from './vm-name.ts';

/** A VM as libvirt runs it, independent of its source. */
export interface DomainFacts extends NamedVm {
  /** The source's UUID; libvirt generates one when the domain is defined without it. */
  uuid?: string | undefined;
  memoryBytes: number;
  vcpus: number;
  /** A divisor of `vcpus`; by default libvirt gives each vCPU its own socket. */
  coresPerSocket?: number | undefined;
  /** UEFI starts with new variables, which libvirt creates from the firmware's template. */
  firmware: 'bios' | 'uefi';
  /** For UEFI only: reject unsigned boot loaders, with the well-known keys enrolled. */
  secureBoot: boolean;
  /** A new, empty TPM 2.0, emulated by `swtpm`. */
  tpm: boolean;
  /** `virt` is the ARM machine type, with UEFI and without secure boot; the others are x86-64. */
  machine: 'q35' | 'pc' | 'virt';
  /** How the guest interprets the hardware clock: Windows expects local time. */
  clock: 'utc' | 'localtime';
  /** How far the source sets the hardware clock ahead of UTC, whatever the guest expects. */
  clockOffsetSeconds?: number | undefined;
  /** Undefined: VGA, for which every guest has a driver. The virtio one is VGA-compatible, too. */
  video?: 'virtio' | undefined;
  /** Enables the Hyper-V enlightenments. A Windows guest that detects them spins and polls less. */
  hyperv: boolean;
  /** Indexed by controller number, which disks on the bus `scsi` refer to. */
  scsiControllers: ScsiModel[];
  /** In the order in which the guest sees them. */
  disks: DomainDisk[];
  /** Empty drives. */
  cdRoms: Extract<DiskBus, 'sata' | 'ide' | 'scsi'>[];
  /** In the order in which the guest should find them. The domain assigns PCI addresses in that order. */
  nics: DomainNic[];
  /** The source's id of the guest's operating system, stored as metadata. */
  guestId?: string | undefined;
}

/**
 * libvirt's model names: `vmpvscsi` is VMware's paravirtual controller, `lsisas1068` is LSI Logic SAS, `lsilogic` is
 * a 53C895A.
 */
export type ScsiModel = 'virtio-scsi' | 'vmpvscsi' | 'lsisas1068' | 'lsilogic';

/** `ide` works with machine `pc` only; machine `virt` has `virtio` and `scsi`. */
export type DiskBus = 'sata' | 'virtio' | 'scsi' | 'ide';

export interface DomainDisk {
  /** Absolute. */
  path: string;
  format: 'qcow2' | 'raw' | 'vmdk';
  bus: DiskBus;
  /** For the bus `scsi` only. */
  scsi?: { controller: number; target: number } | undefined;
  /** virtio-blk and SATA expose the first 20 characters. */
  serial?: string | undefined;
  /** Disks with a boot order are tried before the others, lowest first. */
  bootOrder?: number | undefined;
}

/** Its network or bridge is one of the host that will run the domain. */
export type DomainNic = NicConnection & {
  /** libvirt generates a MAC address if there is none. */
  mac?: string | undefined;
  /** QEMU's model name: `e1000e`, `virtio`. */
  model: string;
};
