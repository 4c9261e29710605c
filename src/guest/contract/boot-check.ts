import type { BlockDevice, GuestKernel, GuestMount, GuestSystem } from '../guest.ts';
import type { GuestTree } from '../guest-tree.ts';

/** What a check looks at. */
export const CHECK_AREAS = ['boot-entries', 'initramfs', 'mounts', 'network', 'windows-drivers'] as const;
export type CheckArea = (typeof CHECK_AREAS)[number];

/** `unknown`: the check could not be made, for example because a file has an unknown format. */
export type CheckVerdict = 'ready' | 'not-ready' | 'unknown';

/** The result of one check of the boot contract. */
export interface BootCheck {
  area: CheckArea;
  verdict: CheckVerdict;
  /** The file of the guest that was read. Inside an initramfs: `IMAGE:PATH`. */
  file: string;
  /** Counted from 1; undefined if the check is about the whole file. */
  line?: number | undefined;
  /** The verdict does not count: a person should know it, and the guest starts all the same, as with a fault in the entry of an older kernel. */
  isAdvisory?: true | undefined;
  /** One sentence that names the entry, and what it leads to or lacks. */
  reason: string;
}

/** A disk of the machine that the guest will run on. */
export interface TargetDisk {
  /** The driver that Linux needs for it: `virtio_blk`, `virtio_scsi`, `ahci`, `ata_piix`, `vmw_pvscsi`, `mptspi`, `mptsas`, `nvme`. */
  driver: string;
  /** How the kernel names such disks: `vd` for `/dev/vda`. */
  names: 'vd' | 'sd' | 'nvme';
  /** The serial that the machine gives the disk, of which udev makes its names in `/dev/disk/by-id`; undefined without one. */
  serial?: string | undefined;
}

/** A PCI address of the target; the domain and the function are 0. */
export interface TargetAddress {
  /** Undefined behind a root port: firmware numbers those buses, and which other ports there are is libvirt's choice. It is not 0. */
  bus: number | undefined;
  device: number;
}

/** A network adapter of the machine that the guest will run on. */
export interface TargetNic {
  /** Lower case with colons; undefined if it is not known, so that the guest gets a new one. */
  mac: string | undefined;
  /** The driver that Linux needs for it: `virtio_net`, `e1000e`, `vmxnet3`. */
  driver: string;
  /** The PCI address that the domain gives it; undefined if libvirt chooses one. */
  address?: TargetAddress | undefined;
  /** The PCI slot number of VMware, from which the source's name of the adapter came. */
  sourceSlotNumber?: number | undefined;
  /** The name of the network in the source. */
  network?: string | undefined;
}

/** The machine that the guest will run on, in the order in which the guest sees its devices. */
export interface TargetHardware {
  /** Undefined if the source does not describe a VM, as for a standalone disk image. */
  firmware: 'bios' | 'uefi' | undefined;
  secureBoot: boolean;
  disks: readonly TargetDisk[];
  /** In the order of their PCI addresses, which is the order of the kernel's own names `eth0`, `eth1`. Undefined if the source does not describe a VM. */
  nics: readonly TargetNic[] | undefined;
}

/** What the boot contract is checked on: a guest as it is on its disks, and the machine that it will run on. */
export interface BootSubject {
  files: GuestTree;
  devices: readonly BlockDevice[];
  system: GuestSystem;
  /** The file systems of the system, mounted where the guest mounts them. */
  mounts: readonly GuestMount[];
  kernels: readonly GuestKernel[];
  hardware: TargetHardware;
  /** The bytes of an initramfs as it was before anything in the guest changed, by its path; undefined if there was none, or it was not kept. */
  previousInitramfs?: ((path: string) => Promise<Buffer | undefined>) | undefined;
  /** Bytes of a disk, counted from 0 in the order of `hardware.disks`. Undefined if the disks cannot be read. */
  readDisk?: ((disk: number, offsetBytes: number, lengthBytes: number) => Promise<Buffer>) | undefined;
}

/** Reads what the guest will use when it starts. It knows nothing of what a fix changed, and writes nothing. */
export type BootCheckReader = (subject: BootSubject) => Promise<BootCheck[]>;

/** `not-ready` before `unknown` before `ready`. Without any check nothing is known. */
export function overallVerdict(checks: readonly BootCheck[]): CheckVerdict {
  const verdicts = new Set(checks.filter(({ isAdvisory }) => isAdvisory !== true).map(({ verdict }) => verdict));
  if (verdicts.has('not-ready')) return 'not-ready';
  return verdicts.has('unknown') || verdicts.size === 0 ? 'unknown' : 'ready';
}

/** What the boot contract found. */
export interface BootReport {
  verdict: CheckVerdict;
  checks: BootCheck[];
}

/** The location and the reason of a check, for people: `/etc/fstab:3: ...`. */
export function checkLine({ file, line, reason }: BootCheck): string {
  return `${file}${line === undefined ? '' : `:${line}`}: ${reason}`;
}

/** The checks that keep a report from being `ready`, those that failed first. */
export function blockingChecks({ checks }: BootReport): BootCheck[] {
  const counting = checks.filter(({ verdict, isAdvisory }) => verdict !== 'ready' && isAdvisory !== true);
  return counting.toSorted((a, b) => Number(a.verdict === 'unknown') - Number(b.verdict === 'unknown'));
}
