import type { SinkFormat } from '../../image/model/encoding.ts';
import type { ImageFormat } from '../../image/model/image.ts';
import type { BootTestResult } from '../boot-test/types.ts';
import type { DomainOptions } from '../domain/types.ts';
import type { HardwareReport } from '../domain/make-domain.ts';
import type { EncodeOptions } from '../encode-options.ts';
import type { ProgressEvent } from '../events.ts';
import type { FixReport, FixOptions } from '../fix-guest/types.ts';

export interface ConvertOptions extends DomainOptions {
  /** An image, a `.vmx`, an OVF descriptor, or an OVA; told by the content. */
  source: string;
  /** Raw, whatever its content is; undefined finds the format out. */
  inputFormat?: 'raw' | undefined;
  /** A folder, or (for one disk) the file itself; undefined is the folder that the program runs in. */
  output: string | undefined;
  /** What the files and the domain are called; undefined takes the name from the source. */
  name?: string | undefined;
  encode: EncodeOptions<SinkFormat>;
  /**
   * Read the result back and compare; undefined does so where the source has no checksums of its own. False also leaves the checksums of grains unchecked that move into a
   * compressed qcow2 as they are.
   */
  verify: boolean | undefined;
  /** Convert only this disk, counted from 1. */
  disk: number | undefined;
  /** Of an OVF package with several VMs: the name or the id of one. */
  vm?: string | undefined;
  /** Of an OVF package: a deployment configuration instead of the default one. */
  configuration?: string | undefined;
  /** What becomes of the guest in the result. */
  guest: FixOptions;
  force: boolean;
  /** Of the files that are written; undefined is 0600. */
  mode?: number | undefined;
  /** Boot the result when it is whole; \`env\` tells where programs and job records are. */
  bootTest?: { env: NodeJS.ProcessEnv } | undefined;
  /** Tells where virsh and the state folder are; undefined is that of the process. */
  env?: NodeJS.ProcessEnv | undefined;
}

/** What is done with a disk, one after the other: its file is hashed for the manifest, it is converted, and the image is read back. */
export type DiskPass = 'hash' | 'copy' | 'read-back';

/** The events of an export that a conversion has too; `vm` is the source's name. */
export type ConvertEvent =
  | ProgressEvent
  /** The progress of the disk begins again at 0. */
  | { type: 'disk-pass'; vm: string; disk: string; pass: DiskPass };

/** What a disk is in its source. */
export interface DiskOrigin {
  /** As people and the source call it: `Hard disk 1`, or `scsi0:1` of a `.vmx`; null for a standalone image. */
  label: string | null;
  /** Its file, as the source names it; null for a disk that is made empty. */
  file: string | null;
}

/** A disk of the source, and what becomes of it. */
export interface ConvertedDisk {
  /** Absolute. */
  path: string;
  format: SinkFormat;
  /** What it was in the source. */
  source: DiskOrigin;
  sourceFormat: ImageFormat;
  /** `streamOptimized`, `dynamic`, ...; `empty` for a disk without a file; '' where there is only one. */
  sourceVariant: string;
  virtualSizeBytes: number;
  sizeBytes: number;
  /** How the content was proved: by reading the result back, by the source's own checksums, or by its manifest; `none` when it was asked for. */
  verified: 'read-back' | 'checksums' | 'manifest' | 'none';
}

export interface ConvertResult {
  source: string;
  disks: ConvertedDisk[];
  /** The libvirt domain, or the manifest for KubeVirt, that was written, for a source that describes a machine. */
  domain: string | undefined;
  /** Where the domain was defined. */
  defined?: string;
  /** What that domain runs on. */
  hardware: HardwareReport | undefined;
  /** What was changed in the guest, or would be; undefined when nobody looked. */
  guest?: FixReport | undefined;
  warnings: string[];
  /** From the first byte of the disks to the last, with their verification and without the fix; 0 for a plan. Rates are of this time. */
  copySeconds: number;
  /** All but the boot test. */
  seconds: number;
  /** Where one was asked for. A guest that did not come up is told here; the images stay. */
  bootTest?: BootTestResult;
}

/** What a conversion would do. */
export interface ConvertPlan {
  source: string;
  /** `image`, `vmx`, `folder` (an OVF), `ova` or `gzip-ova`. */
  container: string;
  disks: {
    path: string;
    source: DiskOrigin;
    sourceFormat: ImageFormat;
    sourceVariant: string;
    virtualSizeBytes: number;
    /** Bytes of the disk that are not known to be zeros. */
    usedBytes: number;
    /** About so many bytes are written at most. */
    expectedBytes: number;
    /** At least so many are; 0 where the source does not tell. */
    leastBytes: number;
  }[];
  domain: string | undefined;
  warnings: string[];
  freeBytes: number;
  /** Files that stand in the way, without `--force`. */
  taken: string[];
  /** Why nothing would be written, as a sentence: the first of `taken`, and which job wrote it. */
  refusal?: string;
}
