import type { ReadableDisk } from '../../../image/model/readable-disk.ts';
import type { MoRef } from '../../../vsphere/soap/wsdl-types.ts';
import type { VsphereClient } from '../../../vsphere/session/vsphere-client.ts';
import type { VirtualDisk } from '../../../vsphere/vm/virtual-disk.ts';
import type { ExportStep } from '../../events.ts';
import type { ManifestEntry } from './manifest.ts';
import type { NfcRun } from './nfc-run.ts';

/**
 * Reads the disks of a VM at rest. A source opens its files for one piece of work at a time. It
 * releases everything that it holds on the server whenever that work ends. It does not retry; `transfer` does.
 */
export interface DiskSource extends Disposable {
  /**
   * Opens the files and runs `work` with them. The signal passed to `work` also aborts, with a retryable error, when
   * the server withdraws the files. `percent` returns the progress of the work.
   * @throws the errors of `work`; a retryable error when opening again can help.
   */
  use<Result>(
    percent: () => number,
    signal: AbortSignal,
    work: (files: SourceFiles, signal: AbortSignal) => Promise<Result>,
  ): Promise<Result>;
}

/** The files of a VM while a {@link DiskSource} has them open. */
export interface SourceFiles {
  /** The host that sends the files, for messages. */
  readonly server: string;
  /** The disks to read in hardware order, then the NVRAM, if the server offers it. */
  readonly files: readonly SourceFile[];
  readonly proof: ContentProof;
  /** How disks are opened. */
  readonly access: OpenedFile['access'];
  /** Opens a file: as a stream from byte 0, or as a disk with random access. `signal` aborts all operations on it. */
  open(key: string, limits: ReadLimits, signal: AbortSignal): Promise<OpenedFile>;
  /** False when no further file can be opened. */
  isAlive(signal: AbortSignal): Promise<boolean>;
  /** The manifest entries for the files read so far, while others are still being read. */
  manifestSoFar(signal: AbortSignal): Promise<readonly ManifestEntry[]>;
  /** The manifest entries after the last file was read. */
  manifest(signal: AbortSignal): Promise<readonly ManifestEntry[]>;
}

/** A readable file of the VM. */
export interface SourceFile {
  /** The device key. It is the same each time the source is opened, and identifies the device in the server's OVF descriptor. */
  key: string;
  kind: 'disk' | 'nvram';
  /** For a disk, its capacity in the VM's hardware. For the NVRAM, its size; 0 if unknown. */
  capacityBytes: number;
}

/**
 * How to verify that the received bytes are those of the disk. `manifest`: the `manifest` contains the SHA-256 of each
 * file, at the latest after the last file was read. `digest`: a digest is known before the first byte. `nothing`: no
 * reliable value, even if the manifest has entries.
 */
export type ContentProof = 'manifest' | 'digest' | 'nothing';

/** How long a file may be silent. A source applies these limits to a stream; `transfer` applies them to random-access reads. */
export interface ReadLimits {
  /** Time until the first bytes: a host reads past the zeros of a thin disk before it sends anything. */
  firstByteTimeoutMs: number;
  /** Time for each later gap. */
  stallTimeoutMs: number;
}

export type OpenedFile = OpenedStream | OpenedDisk;

/** The bytes from first to last: for a disk a streamOptimized VMDK, for the NVRAM its content. */
export interface OpenedStream {
  access: 'stream';
  /** The announced size; 0 if unknown. */
  sizeBytes: number;
  /**
   * For a single reader, which ends the transfer by stopping the iteration. A chunk is valid until the reader requests
   * the next one.
   * @throws Hyper2kvmError, retryable for transient failures.
   */
  chunks: AsyncIterable<Buffer>;
}

/** A disk with random access and an allocation map. The caller that opened it must dispose of it. */
export interface OpenedDisk extends AsyncDisposable {
  access: 'random-access';
  disk: ReadableDisk;
}

/** The parameters for creating a source. */
export interface SourceRequest {
  client: VsphereClient;
  vm: string;
  /** The VM or snapshot to read. */
  ref: MoRef;
  /** The disks to read, in hardware order. */
  disks: readonly VirtualDisk[];
  /** The other disks of its hardware. */
  leftOut?: readonly VirtualDisk[];
  /** Receives a sentence about what could not be released on the server. */
  leave: (sentence: string) => void;
  /** Verifies the state of the VM each time after the files are opened, before any of them is read. */
  verify: (files: SourceFiles, signal: AbortSignal) => Promise<void>;
  /** An earlier run did not finish: the server may still hold its resources. */
  hasEarlierRun: boolean;
  /** Receives a description of what the source is doing or waiting for. */
  step: (step: ExportStep, detail: string) => void;
}

/** What a source needs to read disks at any place. */
export interface RandomAccessRequest extends SourceRequest {
  vmRef: MoRef;
  /** Receives a warning for the result. */
  warn: (message: string) => void;
  nfc: NfcRun;
  /** The comparisons with the lease that need not be repeated. Undefined: one for each run. */
  comparisons?: LeaseComparisons;
}

/** Remembers that reads over NFC were compared with the export lease. */
export interface LeaseComparisons {
  isDone(disk: VirtualDisk): boolean;
  /** The content of the disk was the same. */
  record(disk: VirtualDisk): Promise<void>;
}

export type DiskSourceFactory = (request: RandomAccessRequest) => DiskSource;
