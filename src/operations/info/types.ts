import type { ConfiguredNic } from '../../guest/change.ts';
import type { BootReport } from '../../guest/contract/boot-check.ts';
import type { DeviceKey } from '../../guest/inspect/disks/unlock.ts';
import type { ImageFormat } from '../../image/model/image.ts';
import type { ConvertSource } from '../convert/convert-source.ts';
import type { DescribedMachine } from '../convert/described-machine.ts';
import type { DiskOrigin } from '../convert/types.ts';

export interface InfoOptions {
  source: string;
  /** Declares a standalone disk as raw. */
  inputFormat: 'raw' | undefined;
  /** For an OVF package with several VMs: the name or id of one of them. */
  vm: string | undefined;
  /** For an OVF package: a deployment configuration other than the default. */
  configuration: string | undefined;
  /** Read the guest too; undefined does not. */
  inspect?: InspectOptions | undefined;
}

/** How to read the guest. */
export interface InspectOptions {
  keys: readonly DeviceKey[];
  /** The root file system, if the disks contain several systems. */
  root: string | undefined;
  /** Used to locate guestfish. */
  env: NodeJS.ProcessEnv;
}

/** The guest on the disks of a source, or why nothing is known about it. */
export type GuestInfo =
  | {
      found: true;
      /** The name of the system, with its version. */
      system: string;
      /** `linux` or `windows`. */
      kind: 'linux' | 'windows';
      /** The root file system, as libguestfs names it. */
      root: string;
      /** Empty for Windows, as are the next lists. */
      fileSystems: GuestFileSystem[];
      /** Undefined if there is no known one. */
      bootLoader: { name: string; file: string } | undefined;
      kernels: { version: string; hasInitramfs: boolean }[];
      /** The NICs that the guest's configuration names. */
      nics: readonly ConfiguredNic[];
      encrypted: { device: string; isOpen: boolean }[];
      /** Whether the guest, as it is, starts on virtio hardware; undefined for Windows, which is not checked. */
      virtio: BootReport | undefined;
    }
  | { found: false; reason: string; hint: string | undefined };

/** A partition, volume or disk with content. */
export interface GuestFileSystem {
  device: string;
  type: string;
  label: string | undefined;
  uuid: string | undefined;
  /** Where the guest mounts it; undefined if its fstab does not. */
  mountPoint: string | undefined;
}

/** One disk of a source. */
export interface InfoDisk {
  source: DiskOrigin;
  format: ImageFormat;
  /** As qemu-img and VMware call it; '' if the format has only one. */
  variant: string;
  virtualSizeBytes: number;
  /** Bytes of the disk that are not known to be zeros. */
  usedBytes: number;
  /** Size of its files, or of its member in an archive. */
  sizeBytes: number;
  /** Paths of the files of the image and its parents, child first; the archive for a member. */
  files: string[];
  /** VMware's controller of the disk and the unit on it, such as `pvscsi 0:1`; null if the source does not describe it. */
  controller: string | null;
}

/** What a source is. */
export interface SourceInfo {
  source: string;
  /** `image`, `vmx`, `folder` (an OVF), `ova` or `gzip-ova`. */
  container: ConvertSource['container'];
  /** The VM, if the source describes one. */
  machine: DescribedMachine | undefined;
  /** Files in the manifest; null if there is no manifest or the source cannot have one. */
  manifestFiles: number | null;
  disks: InfoDisk[];
  /** Undefined if it was not requested. */
  guest?: GuestInfo | undefined;
  warnings: string[];
}
