import { Hyper2kvmError } from '../../../base/errors.ts';
import { copyWindows } from '../../../image/copy/copy-image.ts';
import type { WorkerPool } from '../../../image/copy/worker-pool.ts';
import { createSink } from '../../../image/create-sink.ts';
import { movesGrains, type ImageEncoding } from '../../../image/model/encoding.ts';
import type { DiskSink } from '../../../image/model/sink.ts';
import { WINDOW_BYTES, type CopyWindow } from '../../../image/model/window.ts';
import type { OutputFile } from '../../../base/output/output.ts';
import type { MemberRecord } from '../../../ovf/write/package-writer.ts';

/** Half of the window size for reading files: the network is the bottleneck, and this saves 20 MB of memory. */
export const ARRIVING_WINDOW_BYTES = WINDOW_BYTES / 2;

export interface ImageMemberOptions {
  file: OutputFile;
  encoding: ImageEncoding;
  virtualSizeBytes: number;
  /** Verify the checksum of each cluster, for a source that provides no hash of its data. */
  verify: boolean;
  /** The threads shared by all disks of the VM. */
  pool: WorkerPool;
}

/** A disk during its download: its windows in order, and a function that takes back a window whose memory can be reused. */
export interface ArrivingDisk {
  windows: AsyncIterable<CopyWindow>;
  release: (window: CopyWindow) => void;
}

/** A disk that is converted to an image during its download, in one pass without an intermediate file. */
export class ImageMember {
  /**
   * Compressed clusters that are copied unchanged lose their checksums. Such an image depends on the server's hash,
   * because nothing inflates the clusters.
   */
  readonly restsOnHash: boolean;
  /** The required window size. */
  readonly windowBytes: number;
  readonly #options: ImageMemberOptions;
  readonly #sink: DiskSink;
  readonly #stop = new AbortController();
  readonly #onEnd: (record: MemberRecord | undefined) => void;
  #copying: Promise<unknown> = Promise.resolve();
  #state: 'open' | 'complete' | 'gone' = 'open';

  private constructor(options: ImageMemberOptions, sink: DiskSink, onEnd: (record: MemberRecord | undefined) => void) {
    this.#options = options;
    this.restsOnHash = !options.verify && movesGrains(options.encoding);
    this.windowBytes = Math.max(ARRIVING_WINDOW_BYTES, sink.clusterBytes);
    this.#sink = sink;
    this.#onEnd = onEnd;
  }

  static async open(
    options: ImageMemberOptions,
    onEnd: (record: MemberRecord | undefined) => void,
  ): Promise<ImageMember> {
    return new ImageMember(options, await createSink(options.file, options.encoding, options), onEnd);
  }

  /** Free window buffers, shared by all disks of the run. */
  get freeInputs(): SharedArrayBuffer[] {
    return this.#options.pool.inputs;
  }

  /**
   * Reads the entire disk; call once. `onProgress` is called after every window: all of the disk before `coveredBytes`
   * is done.
   * @throws also the errors of the windows.
   */
  async copyFrom(
    { windows, release }: ArrivingDisk,
    signal: AbortSignal,
    onProgress?: (coveredBytes: number) => void,
  ): Promise<void> {
    const { file, encoding, verify, pool } = this.#options;
    const stop = AbortSignal.any([signal, this.#stop.signal]);
    const options = { compression: encoding.compression, verify, pool, hash: false, signal: stop, onRelease: release };
    const copying = copyWindows(windows, this.#sink, { ...options, ...(onProgress && { onProgress }) });
    this.#copying = copying;
    try {
      await copying;
    } catch (error) {
      throw stop.aborted ? error : asDamagedStream(file.name, error);
    }
  }

  /** `sha256` is the hash of the downloaded stream, and is stored as such. The image itself has no hash until it is read back. */
  async commit(sha256: string): Promise<MemberRecord> {
    const { sizeBytes, modifiedMs } = await this.#sink.finish();
    this.#state = 'complete';
    const record = { name: this.#options.file.name, sizeBytes, sha256, modifiedMs };
    this.#onEnd(record);
    return record;
  }

  /** Also removes a complete image. */
  async discard(): Promise<void> {
    const state = this.#state;
    if (state === 'gone') return;
    this.#state = 'gone';
    this.#stop.abort();
    await this.#copying.catch(() => undefined);
    await this.#sink.discard();
    this.#onEnd(undefined);
  }
}

/** A cluster that does not decompress was corrupted by the server or the network. A retry may succeed. */
function asDamagedStream(name: string, error: unknown): unknown {
  if (!(error instanceof Hyper2kvmError) || error.kind !== 'image' || error.retryable) return error;
  return new Hyper2kvmError('image', `${name} arrived corrupted: ${error.message}`, {
    retryable: true,
    cause: error,
    hint: 'If the error persists, check the disk of the VM on the server.',
  });
}
