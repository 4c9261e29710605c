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
  warnings: string[];
}
