import type { ReadableDisk } from '../../../image/model/readable-disk.ts';
import type { MoRef } from '../../../vsphere/soap/wsdl-types.ts';
import type { VsphereClient } from '../../../vsphere/session/vsphere-client.ts';
import type { VirtualDisk } from '../../../vsphere/vm/virtual-disk.ts';
import type { ExportStep } from '../../events.ts';
import type { ManifestEntry } from './manifest.ts';

/**
 * Where the disks of a VM at rest come from. A source opens its files for one piece of work at a time, and releases all that it holds on the server on every way out of that work.
 * It does not try again: `transfer` does.
 */
export interface DiskSource extends Disposable {
  /**
   * Opens the files and runs `work` with them. The signal that `work` gets also aborts, with a retryable error, when the server takes the files away. `percent` is the share of the
   * work that is done.
   * @throws what `work` throws; a retryable error when opening again can help.
   */
  use<Result>(
    percent: () => number,
    signal: AbortSignal,
    work: (files: SourceFiles, signal: AbortSignal) => Promise<Result>,
  ): Promise<Result>;
}

/** The files of a VM while a {@link DiskSource} has them open. */
export interface SourceFiles {
  /** Who sends them, for messages. */
  readonly server: string;
  /** Every disk of the hardware, in its order, then the NVRAM where it is offered. */
  readonly files: readonly SourceFile[];
  readonly proof: ContentProof;
  /** Opens a file: a stream from byte 0, a disk for reads at any place. `signal` ends everything that is done with it. */
  open(key: string, limits: ReadLimits, signal: AbortSignal): Promise<OpenedFile>;
  /** False when no file can be opened any more. */
  isAlive(signal: AbortSignal): Promise<boolean>;
  /** What is known of the files that were read, while others are still being read. */
  manifestSoFar(signal: AbortSignal): Promise<readonly ManifestEntry[]>;
  /** The same after the last file. */
  manifest(signal: AbortSignal): Promise<readonly ManifestEntry[]>;
}

/** A file of the VM that can be read. */
export interface SourceFile {
  /** The device's key: the same each time that the source is opened, and the one by which the server's OVF descriptor names the device. */
  key: string;
  kind: 'disk' | 'nvram';
  /** Of a disk, by the VM's hardware; of the NVRAM its size, 0 where that is not known. */
  capacityBytes: number;
}

/**
 * What proves that the bytes that arrive are those of the disk: the SHA-256 of each file in the `manifest`, at the latest when the last file was read; a `digest` that is known
 * before the first byte; or `nothing` that can be relied on, though the manifest may have entries.
 */
export type ContentProof = 'manifest' | 'digest' | 'nothing';

/** How long a file may be silent. A source holds a stream to that; reads of a disk are watched by `transfer`. */
export interface ReadLimits {
  /** Until the first bytes come: a host reads over the zeros of a thin disk before it sends anything. */
  firstByteTimeoutMs: number;
  /** After that. */
  stallTimeoutMs: number;
}

export type OpenedFile = OpenedStream | OpenedDisk;

/** Bytes from first to last: of a disk a streamOptimized VMDK, of the NVRAM its content. */
export interface OpenedStream {
  access: 'stream';
  /** As announced; 0 where it is not known. */
  sizeBytes: number;
  /** For one reader, who ends the transfer by leaving. A chunk is the reader's until it asks for the next one. @throws Hyper2kvmError, retryable for what can pass. */
  chunks: AsyncIterable<Buffer>;
}

/** A disk that can be read at any place, with a map of what is allocated. Whoever opened it disposes of it. */
export interface OpenedDisk extends AsyncDisposable {
  access: 'random-access';
  disk: ReadableDisk;
}

/** What a source is made of. */
export interface SourceRequest {
  client: VsphereClient;
  vm: string;
  /** The VM or snapshot whose disks are read. */
  ref: MoRef;
  /** Of its hardware. */
  disks: readonly VirtualDisk[];
  /** Takes a sentence about what could not be released on the server. */
  leave: (sentence: string) => void;
  /** Runs each time that the files are open, before any of them is read: what must hold of the VM. */
  verify: (files: SourceFiles, signal: AbortSignal) => Promise<void>;
  /** An earlier run did not come to its end: what it held on the server may still be held. */
  hasEarlierRun: boolean;
  /** Takes what is being waited for. */
  step: (step: ExportStep, detail: string) => void;
}

export type DiskSourceFactory = (request: SourceRequest) => DiskSource;
