import type { SinkFormat } from '../../image/model/encoding.ts';
import type { ImageFormat } from '../../image/model/image.ts';
import type { BootTestResult } from '../boot-test/types.ts';
import type { DomainOptions } from '../domain/types.ts';
import type { HardwareReport } from '../domain/make-domain.ts';
import type { EncodeOptions } from '../encode-options.ts';
import type { ProgressEvent } from '../events.ts';
import type { FixReport, FixOptions } from '../fix-guest/types.ts';
import type { GuestNetReport } from '../guest-net/types.ts';

export interface ConvertOptions extends DomainOptions {
  /** An image, a `.vmx`, an OVF descriptor, or an OVA; detected by content. */
  source: string;
  /** Treat the source as raw, whatever it contains; undefined detects the format. */
  inputFormat?: 'raw' | undefined;
  /** A folder, or the file itself for a single disk; defaults to the current folder. */
  output: string | undefined;
  /** The name for the files and the domain; defaults to the source's name. */
  name?: string | undefined;
  encode: EncodeOptions<SinkFormat>;
  /**
   * Read the result back and compare it; undefined does so if the source has no checksums of its own. False also
   * skips the checksums of grains that are copied unchanged into a compressed qcow2.
   */
  verify: boolean | undefined;
  /** Convert only these disks, counted from 1. */
  disks: readonly number[] | undefined;
  /** For an OVF package with several VMs: the name or id of one of them. */
  vm?: string | undefined;
  /** For an OVF package: a deployment configuration other than the default. */
  configuration?: string | undefined;
  /** How to prepare the guest in the result. */
  guest: FixOptions;
  force: boolean;
  /** The mode of the written files; defaults to 0600. */
  mode?: number | undefined;
  /** Write a manifest of the result. */
  manifest?: boolean | undefined;
  /** The file with the addresses of the guest on VMware; undefined looks for one next to the source. */
  guestNet?: string | undefined;
  /**
   * Boot the complete result; `env` is used to locate programs and job records. With `requireAddresses`, a NIC that does
   * not use its expected address fails the boot test.
   */
  bootTest?: { env: NodeJS.ProcessEnv; requireAddresses?: boolean } | undefined;
  /** Used to locate virsh and the state folder; defaults to the environment of the process. */
  env?: NodeJS.ProcessEnv | undefined;
}

/**
 * The passes over a disk, in order: its file is hashed for the manifest, the disk is converted, and the image is read
 * back.
 */
export type DiskPass = 'hash' | 'copy' | 'read-back';

/** The export events that a conversion reports too; `vm` is the source's name. */
export type ConvertEvent =
  | ProgressEvent
  /** The progress of the disk restarts at 0. */
  | { type: 'disk-pass'; vm: string; disk: string; pass: DiskPass };

/** Identifies a disk in its source. */
export interface DiskOrigin {
  /** The label that people and the source use: `Hard disk 1`, or `scsi0:1` in a `.vmx`; null for a standalone image. */
  label: string | null;
  /** Its file, as the source names it; null for a disk that is created empty. */
  file: string | null;
}

/** A disk of the source and the image that it became. */
export interface ConvertedDisk {
  /** Absolute. */
  path: string;
  format: SinkFormat;
  /** The disk in the source. */
  source: DiskOrigin;
  sourceFormat: ImageFormat;
  /** `streamOptimized`, `dynamic`, ...; `empty` for a disk without a file; '' if the format has only one variant. */
  sourceVariant: string;
  virtualSizeBytes: number;
  sizeBytes: number;
  /**
   * How the content was verified: by reading the result back, by the source's own checksums, or by its manifest;
   * `none` if verification was turned off.
   */
  verified: 'read-back' | 'checksums' | 'manifest' | 'none';
}

export interface ConvertResult {
  source: string;
  disks: ConvertedDisk[];
  /** The disks of the source that were not selected; absent if all were. */
  leftOut?: DiskOrigin[];
  /** The libvirt domain or KubeVirt manifest that was written, for a source that describes a VM. */
  domain: string | undefined;
  /** The manifest that was written. */
  manifest?: string | undefined;
  /** The libvirt URI where the domain was defined. */
  defined?: string;
  /** The hardware of that domain. */
  hardware: HardwareReport | undefined;
  /** What was changed in the guest, or would be; undefined if the guest was not inspected. */
  guest?: FixReport | undefined;
  /** The addresses of the guest on VMware, if there is a file with them. */
  guestNet?: GuestNetReport | undefined;
  warnings: string[];
  /**
   * From the first byte of the disks to the last, including verification and excluding the fix; 0 for a plan. Rates
   * refer to this time.
   */
  copySeconds: number;
  /** The total time without the boot test. */
  seconds: number;
  /** Present if a boot test was requested. A guest that did not come up is reported here; the images stay. */
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
    /** The approximate upper bound of the bytes to write. */
    expectedBytes: number;
    /** The lower bound of the bytes to write; 0 if the source does not show it. */
    leastBytes: number;
  }[];
  /** See {@link ConvertResult.leftOut}. */
  leftOut?: DiskOrigin[];
  domain: string | undefined;
  warnings: string[];
  freeBytes: number;
  /** Existing files that block the conversion without `--force`. */
  taken: string[];
  /** Why nothing would be written, as a sentence: the first of `taken`, and which job wrote it. */
  refusal?: string;
}
