import type { BlockDevice, GuestKernel, GuestMount, GuestSystem } from '../guest.ts';
import type { GuestTree } from '../guest-tree.ts';

/** The subject of a check. */
export const CHECK_AREAS = ['boot-entries', 'initramfs', 'mounts', 'network', 'selinux', 'windows-drivers'] as const;
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
  /**
   * The finding does not affect the verdict. It is reported because the guest starts anyway, for example with a
   * defect in the entry of an older kernel.
   */
  isAdvisory?: true | undefined;
  /** The static addresses of the configuration that the check is about; absent if it has none. */
  addresses?: readonly string[] | undefined;
  /** One sentence that names the entry, and the device or file that it refers to or lacks. */
  reason: string;
}

/** A disk of the VM that will run the guest. */
export interface TargetDisk {
  /** The driver that Linux needs for it: `virtio_blk`, `virtio_scsi`, `ahci`, `ata_piix`, `vmw_pvscsi`, `mptspi`, `mptsas`, `nvme`. */
  driver: string;
  /** How the kernel names such disks: `vd` for `/dev/vda`. */
  names: 'vd' | 'sd' | 'nvme';
  /**
   * The serial number of the disk in the VM, from which udev derives its names in `/dev/disk/by-id`; undefined if
   * there is none.
   */
  serial?: string | undefined;
}

/** A PCI address in the target VM; the domain and the function are 0. */
export interface TargetAddress {
  /** Undefined on a root port: firmware numbers those buses, and libvirt chooses the other ports. It is not 0. */
  bus: number | undefined;
  device: number;
}

/** A NIC of the VM that will run the guest. */
export interface TargetNic {
  /** Lower case with colons; undefined if it is not known, so that the guest gets a new one. */
  mac: string | undefined;
  /** The driver that Linux needs for it: `virtio_net`, `e1000e`, `vmxnet3`. */
  driver: string;
  /** The PCI address in the domain; undefined if libvirt chooses one. */
  address?: TargetAddress | undefined;
  /** VMware's PCI slot number, from which the NIC's name in the source was derived. */
  sourceSlotNumber?: number | undefined;
  /** The name of the network in the source. */
  network?: string | undefined;
}

/** The VM that will run the guest, with its devices in the order in which the guest sees them. */
export interface TargetHardware {
  /** Undefined if the source does not describe a VM, as for a standalone disk image. */
  firmware: 'bios' | 'uefi' | undefined;
  secureBoot: boolean;
  disks: readonly TargetDisk[];
  /**
   * In PCI address order, which is the order of the kernel names `eth0`, `eth1`. Undefined if the source does not
   * describe a VM.
   */
  nics: readonly TargetNic[] | undefined;
}

/** The input of the boot check: a guest on its disks, and the VM that will run it. */
export interface BootSubject {
  files: GuestTree;
  devices: readonly BlockDevice[];
  system: GuestSystem;
  /** The guest's file systems, mounted at the guest's mount points. */
  mounts: readonly GuestMount[];
  kernels: readonly GuestKernel[];
  hardware: TargetHardware;
  /**
   * The content of an initramfs before any change in the guest, by path; undefined if it did not exist or was not
   * kept.
   */
  previousInitramfs?: ((path: string) => Promise<Buffer | undefined>) | undefined;
  /** Reads bytes of a disk, counted from 0 in the order of `hardware.disks`. Undefined if the disks cannot be read. */
  readDisk?: ((disk: number, offsetBytes: number, lengthBytes: number) => Promise<Buffer>) | undefined;
  /** The SELinux label of a file; undefined if it has none. Undefined if labels cannot be read. */
  readLabel?: ((path: string) => Promise<string | undefined>) | undefined;
}

/** Reads what the guest will use when it starts. It is independent of what a fix changed, and writes nothing. */
export type BootCheckReader = (subject: BootSubject) => Promise<BootCheck[]>;

/**
 * `not-ready` takes precedence over `unknown`, and `unknown` over `ready`. Without any check the result is `unknown`.
 */
export function overallVerdict(checks: readonly BootCheck[]): CheckVerdict {
  const verdicts = new Set(checks.filter(({ isAdvisory }) => isAdvisory !== true).map(({ verdict }) => verdict));
  if (verdicts.has('not-ready')) return 'not-ready';
  return verdicts.has('unknown') || verdicts.size === 0 ? 'unknown' : 'ready';
}

/** The result of the boot check. */
export interface BootReport {
  verdict: CheckVerdict;
  checks: BootCheck[];
}

/** The location and the reason of a check, for people: `/etc/fstab:3: ...`. */
export function checkLine({ file, line, reason }: BootCheck): string {
  return `${file}${line === undefined ? '' : `:${line}`}: ${reason}`;
}

/** The checks that prevent a `ready` report, failed ones first. */
export function blockingChecks({ checks }: BootReport): BootCheck[] {
  const counting = checks.filter(({ verdict, isAdvisory }) => verdict !== 'ready' && isAdvisory !== true);
  return counting.toSorted((a, b) => Number(a.verdict === 'unknown') - Number(b.verdict === 'unknown'));
}
