import { stat } from 'node:fs/promises';
import { Hyper2kvmError } from '../../../base/errors.ts';
import { Handoff } from '../../../base/process/handoff.ts';
import { copyWindows } from '../../../image/copy/copy-image.ts';
import { WINDOW_BYTES } from '../../../image/model/window.ts';
import type { WorkerPool } from '../../../image/copy/worker-pool.ts';
import { createSink } from '../../../image/create-sink.ts';
import { movesGrains, type ImageEncoding } from '../../../image/encoding.ts';
import type { DiskSink } from '../../../image/model/sink.ts';
import { GrainWindows } from '../../../image/vmdk/stream/grain-windows.ts';
import { removeFile } from '../../../base/output/local-folder.ts';
import type { MemberRecord, MemberWriter } from '../../../ovf/write/package-writer.ts';

/** Half of what a file is read in: the line is the limit here, and this keeps 20 MB of memory. */
const STREAM_WINDOW_BYTES = WINDOW_BYTES / 2;

export interface ImageMemberOptions {
  name: string;
  /** The `.partial` path. */
  path: string;
  encoding: ImageEncoding;
  virtualSizeBytes: number;
  /** Prove each grain's checksum: for a server that gives no hash of what it sends. */
  verify: boolean;
  /** The threads of all disks of the VM. */
  pool: WorkerPool;
}

/** A disk that becomes an image while its streamOptimized VMDK comes in: one pass, no file between. */
export class ImageMember implements MemberWriter {
  /** Only grains that move as they are come into the image without having been inflated, which loses their checksums. */
  readonly restsOnHash: boolean;
  readonly #options: ImageMemberOptions;
  readonly #sink: DiskSink;
  readonly #chunks = new Handoff<Buffer>();
  readonly #stop = new AbortController();
  readonly #copying: Promise<unknown>;
  readonly #onEnd: (record: MemberRecord | undefined) => void;
  #state: 'open' | 'whole' | 'gone' = 'open';

  private constructor(options: ImageMemberOptions, sink: DiskSink, onEnd: (record: MemberRecord | undefined) => void) {
    this.#options = options;
    this.restsOnHash = !options.verify && movesGrains(options.encoding);
    this.#sink = sink;
    this.#onEnd = onEnd;
    const { encoding, verify, pool } = options;
    const windowBytes = Math.max(STREAM_WINDOW_BYTES, sink.clusterBytes);
    const grains = new GrainWindows(options.name, { free: pool.inputs, windowBytes });
    const { signal } = this.#stop;
    const copyOptions = { compression: encoding.compression, verify, pool, hash: false, signal };
    this.#copying = copyWindows(grains.windows(this.#chunks.items()), sink, {
      ...copyOptions,
      onRelease: (window) => grains.release(window),
    }).catch((error: unknown) => {
      throw asDamagedStream(options.name, error);
    });
    // Met by `write` and `commit`; until then it must not count as unhandled.
    this.#copying.catch((error: unknown) => this.#chunks.fail(error));
  }

  static async open(
    options: ImageMemberOptions,
    onEnd: (record: MemberRecord | undefined) => void,
  ): Promise<ImageMember> {
    return new ImageMember(options, await createSink(options.path, options.encoding, options), onEnd);
  }

  write(chunk: Uint8Array): Promise<void> {
    return this.#chunks.give(Buffer.from(chunk.buffer, chunk.byteOffset, chunk.byteLength));
  }

  /** `sha256` is that of the stream, and is kept as such: the image has none before it is read back. */
  async commit(sha256: string): Promise<MemberRecord> {
    this.#chunks.end();
    await this.#copying;
    const { sizeBytes } = await this.#sink.finish();
    this.#state = 'whole';
    const { mtimeMs } = await stat(this.#options.path);
    const record = { name: this.#options.name, sizeBytes, sha256, modifiedMs: mtimeMs };
    this.#onEnd(record);
    return record;
  }

  /** Takes a whole image back too. */
  async discard(): Promise<void> {
    const state = this.#state;
    if (state === 'gone') return;
    this.#state = 'gone';
    this.#stop.abort();
    this.#chunks.end();
    await this.#copying.catch(() => undefined);
    if (state === 'whole') await removeFile(this.#options.path);
    else await this.#sink.discard();
    this.#onEnd(undefined);
  }
}

/** A cluster that does not decompress came damaged from the server or the line: another attempt may bring it whole. */
function asDamagedStream(name: string, error: unknown): unknown {
  if (!(error instanceof Hyper2kvmError) || error.kind !== 'image' || error.retryable) return error;
  return new Hyper2kvmError('image', `${name} came damaged: ${error.message}`, {
    retryable: true,
    cause: error,
    hint: 'When it stays so, check the VM’s disk on the server.',
  });
}
