import { copyWindows } from '../../image/copy/copy-image.ts';
import type { SharedWorkers } from '../../image/copy/shared-workers.ts';
import type { DiskSink } from '../../image/model/sink.ts';
import type { PackedWindow } from '../../image/model/window.ts';
import type { MemberRecord } from '../../ovf/write/package-writer.ts';
import type { ArrivingDisk } from '../export/target/image-member.ts';
import { BLOCK_BYTES } from './replica/blocks.ts';
import { DiskWriter, type DiskWriterOptions } from './replica/disk-writer.ts';

const CLUSTER_BYTES = 64 * 1024;

interface MemberOptions {
  /** The writer, except how the disk is read. */
  writer: Omit<DiskWriterOptions, 'content'>;
  /** How the disk is read; known when it has been opened. */
  content: () => DiskWriterOptions['content'];
  workers: SharedWorkers;
  /** Called when everything is flushed. */
  onCommit: (writer: DiskWriter) => void;
}

/** A disk that becomes a part of a round while it is downloaded. */
export class ReplicaMember {
  /** The checksum of each grain is verified. */
  readonly restsOnHash = false;
  readonly windowBytes = BLOCK_BYTES;
  readonly freeInputs: SharedArrayBuffer[] = [];
  readonly #name: string;
  readonly #options: MemberOptions;
  #writer: DiskWriter | undefined;

  constructor(name: string, options: MemberOptions) {
    this.#name = name;
    this.#options = options;
  }

  async copyFrom(
    { windows, release }: ArrivingDisk,
    signal: AbortSignal,
    onProgress?: (coveredBytes: number) => void,
  ): Promise<void> {
    const content = this.#options.content();
    const writer = await DiskWriter.start({ ...this.#options.writer, content });
    this.#writer = writer;
    if (content === 'areas') return await takeAreas(writer, { windows, release }, onProgress);
    await using use = this.#options.workers.use();
    const options = { pool: use.pool, compression: undefined, verify: true, hash: false, signal };
    const progress = onProgress === undefined ? {} : { onProgress };
    await copyWindows(windows, new WriterSink(writer), { ...options, ...progress, onRelease: release });
  }

  async commit(sha256: string): Promise<MemberRecord> {
    const writer = this.#writer;
    if (writer === undefined) throw new Error(`${this.#name} was not copied`);
    await writer.finish();
    await writer[Symbol.asyncDispose]();
    this.#writer = undefined;
    this.#options.onCommit(writer);
    return { name: this.#name, sizeBytes: 0, sha256, modifiedMs: 0 };
  }

  async discard(): Promise<void> {
    await this.#writer?.[Symbol.asyncDispose]();
    this.#writer = undefined;
  }
}

/** Only what was read is new, so zeros count too. */
async function takeAreas(
  writer: DiskWriter,
  { windows, release }: ArrivingDisk,
  onProgress?: (coveredBytes: number) => void,
): Promise<void> {
  for await (const window of windows) {
    const { offsetBytes, lengthBytes, parts, input } = window;
    if (input === undefined) throw new Error('a window without content');
    for (const { at, lengthBytes: length, fileOffsetBytes } of parts) {
      await writer.take(offsetBytes + at, new Uint8Array(input, fileOffsetBytes, length));
    }
    release(window);
    onProgress?.(offsetBytes + lengthBytes);
  }
}

/** Passes the non-zero clusters of windows to a writer, in the order of the disk. */
class WriterSink implements DiskSink {
  readonly clusterBytes = CLUSTER_BYTES;
  readonly #writer: DiskWriter;
  #last: Promise<void> = Promise.resolve();

  constructor(writer: DiskWriter) {
    this.#writer = writer;
  }

  put(window: PackedWindow): Promise<void> {
    const before = this.#last;
    this.#last = before.then(() => this.#write(window));
    return this.#last;
  }

  finish(): Promise<never> {
    return Promise.reject(new Error('a round is finished by its member'));
  }

  discard(): Promise<void> {
    return Promise.resolve();
  }

  async #write({ offsetBytes, lengthBytes, clusters, bytes }: PackedWindow): Promise<void> {
    for (const { index, at } of clusters) {
      const from = index * CLUSTER_BYTES;
      const length = Math.min(CLUSTER_BYTES, lengthBytes - from);
      await this.#writer.take(offsetBytes + from, bytes.subarray(at, at + length));
    }
  }
}
