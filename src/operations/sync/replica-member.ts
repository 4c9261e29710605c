import { copyWindows } from '../../image/copy/copy-image.ts';
import type { SharedWorkers } from '../../image/copy/shared-workers.ts';
import type { DiskSink } from '../../image/model/sink.ts';
import type { PackedWindow } from '../../image/model/window.ts';
import type { MemberRecord } from '../../ovf/write/package-writer.ts';
import type { ArrivingDisk } from '../export/target/image-member.ts';
import type { TransferMember } from '../export/transfer/transfer.ts';
import { BLOCK_BYTES } from './replica/blocks.ts';
import { DiskWriter, type DiskWriterOptions } from './replica/disk-writer.ts';

const CLUSTER_BYTES = 64 * 1024;

interface MemberOptions {
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
  readonly #workers: SharedWorkers;
  readonly #content: DiskWriterOptions['content'];
  readonly #writer: DiskWriter;
  readonly #onCommit: (writer: DiskWriter) => void;

  private constructor(
    name: string,
    writer: DiskWriter,
    { content, workers, onCommit }: MemberOptions & Pick<DiskWriterOptions, 'content'>,
  ) {
    this.#name = name;
    this.#workers = workers;
    this.#content = content;
    this.#writer = writer;
    this.#onCommit = onCommit;
  }

  static async open(name: string, options: DiskWriterOptions, member: MemberOptions): Promise<TransferMember> {
    return new ReplicaMember(name, await DiskWriter.start(options), { ...member, content: options.content });
  }

  async copyFrom(
    { windows, release }: ArrivingDisk,
    signal: AbortSignal,
    onProgress?: (coveredBytes: number) => void,
  ): Promise<void> {
    if (this.#content === 'areas') return await this.#takeAreas({ windows, release }, onProgress);
    await using use = this.#workers.use();
    const options = { pool: use.pool, compression: undefined, verify: true, hash: false, signal };
    const progress = onProgress === undefined ? {} : { onProgress };
    await copyWindows(windows, new WriterSink(this.#writer), { ...options, ...progress, onRelease: release });
  }

  /** Only what was read is new, so zeros count too. */
  async #takeAreas({ windows, release }: ArrivingDisk, onProgress?: (coveredBytes: number) => void): Promise<void> {
    for await (const window of windows) {
      const { offsetBytes, lengthBytes, parts, input } = window;
      if (input === undefined) throw new Error('a window without content');
      for (const { at, lengthBytes: length, fileOffsetBytes } of parts) {
        await this.#writer.take(offsetBytes + at, new Uint8Array(input, fileOffsetBytes, length));
      }
      release(window);
      onProgress?.(offsetBytes + lengthBytes);
    }
  }

  async commit(sha256: string): Promise<MemberRecord> {
    await this.#writer.finish();
    await this.#writer[Symbol.asyncDispose]();
    this.#onCommit(this.#writer);
    return { name: this.#name, sizeBytes: 0, sha256, modifiedMs: 0 };
  }

  async discard(): Promise<void> {
    await this.#writer[Symbol.asyncDispose]();
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
