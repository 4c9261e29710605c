import { copyBytes } from '../../../base/files/copy-bytes.ts';
import { FROM_INPUT, WINDOW_BYTES, type CopyWindow } from '../../model/window.ts';
import { StreamOptimizedCheck, type StreamOptimizedSummary } from './stream-optimized-check.ts';
import type { StreamGrain } from './stream-units.ts';
import { corruptStream } from './stream-error.ts';

/**
 * A compressed grain can be slightly longer than its content. zlib adds at most 26 bytes to 64 KiB; small grains have
 * the highest total overhead.
 */
const MOST_ADDED_BYTES = 64 * 1024;

export interface GrainWindowsOptions {
  /**
   * Buffers for reuse. Streams that share a worker pool also share these buffers, and must have windows of the same
   * size.
   */
  free?: SharedArrayBuffer[];
  /** {@link WINDOW_BYTES} or a fraction of it, but at least one cluster of the result. */
  windowBytes?: number;
}

type ArrivedGrain = Omit<StreamGrain, 'head'> & { head: Buffer };

/**
 * Divides a forward-only streamOptimized VMDK into windows for the copy engine while it arrives, and checks its
 * structure. The data of the grains is copied once, into buffers that threads share and that are reused. `release`
 * returns the buffer of a window.
 */
export class GrainWindows {
  readonly #name: string;
  readonly #check: StreamOptimizedCheck;
  readonly #free: SharedArrayBuffer[];
  readonly #windowBytes: number;
  /** Grains whose markers arrived with the current chunk. */
  readonly #arrived: ArrivedGrain[] = [];
  #window: (CopyWindow & { input: SharedArrayBuffer }) | undefined;
  #filled = 0;
  /** The grain whose data is still arriving: the stream offset where it continues, and the number of missing bytes. */
  #missing: { streamOffset: number; bytes: number } | undefined;
  #summary: StreamOptimizedSummary | undefined;

  constructor(name: string, { free = [], windowBytes = WINDOW_BYTES }: GrainWindowsOptions = {}) {
    this.#name = name;
    this.#free = free;
    this.#windowBytes = windowBytes;
    this.#check = new StreamOptimizedCheck({
      name,
      onGrain: ({ head, ...grain }) => this.#arrived.push({ ...grain, head: Buffer.from(head) }),
    });
  }

  /** The result of the check, available after all windows have been taken. */
  get summary(): StreamOptimizedSummary {
    if (!this.#summary) throw new Error('the stream has not ended');
    return this.#summary;
  }

  /** The end of the last grain whose marker arrived, as an offset on the disk in bytes. */
  get coveredBytes(): number {
    return this.#check.coveredBytes;
  }

  release(window: CopyWindow): void {
    if (window.input) this.#free.push(window.input);
  }

  /**
   * Yields the windows in order. A chunk is consumed before the next one is requested.
   * @throws the errors of the structure check.
   */
  async *windows(chunks: AsyncIterable<Buffer>): AsyncGenerator<CopyWindow, void, undefined> {
    let streamOffset = 0;
    for await (const chunk of chunks) {
      this.#check.update(chunk);
      this.#continueGrain(chunk, streamOffset);
      for (const grain of this.#arrived.splice(0)) {
        const offsetBytes = Math.floor(grain.diskOffsetBytes / this.#windowBytes) * this.#windowBytes;
        if (this.#window && this.#window.offsetBytes !== offsetBytes) {
          yield this.#window;
          this.#window = undefined;
        }
        this.#startGrain(grain, offsetBytes);
        this.#continueGrain(chunk, streamOffset);
      }
      streamOffset += chunk.length;
    }
    this.#summary = this.#check.finish();
    if (this.#window) yield this.#window;
  }

  #startGrain({ diskOffsetBytes, dataOffsetBytes, dataBytes, head }: ArrivedGrain, offsetBytes: number): void {
    const capacityBytes = this.#check.capacityBytes ?? 0;
    const clusterBytes = this.#check.grainSizeBytes ?? 0;
    const inputBytes = this.#windowBytes + MOST_ADDED_BYTES;
    if (!this.#window) {
      const input = this.#free.pop() ?? new SharedArrayBuffer(inputBytes);
      this.#window = {
        offsetBytes,
        lengthBytes: Math.min(this.#windowBytes, capacityBytes - offsetBytes),
        parts: [],
        input,
        streamName: this.#name,
      };
      this.#filled = 0;
    }
    if (clusterBytes > this.#windowBytes || this.#filled + dataBytes > inputBytes) {
      throw corruptStream(
        this.#name,
        dataOffsetBytes,
        `the grains of ${this.#windowBytes} bytes of its disk take more than ${inputBytes} bytes`,
      );
    }
    const lengthBytes = Math.min(clusterBytes, capacityBytes - diskOffsetBytes);
    this.#window.parts.push({
      at: diskOffsetBytes - offsetBytes,
      lengthBytes,
      fd: FROM_INPUT,
      fileOffsetBytes: this.#filled,
      compressed: { codec: 'zlib', storedBytes: dataBytes, exact: true, clusterBytes, skipBytes: 0 },
    });
    const known = Math.min(head.length, dataBytes);
    this.#take(head.subarray(0, known));
    this.#missing = { streamOffset: dataOffsetBytes + known, bytes: dataBytes - known };
  }

  /** Copies the data of the current grain from `chunk`, whose stream offset is `streamOffset`. */
  #continueGrain(chunk: Buffer, streamOffset: number): void {
    if (!this.#missing) return;
    const from = this.#missing.streamOffset - streamOffset;
    const piece = chunk.subarray(from, from + this.#missing.bytes);
    this.#take(piece);
    this.#missing = {
      streamOffset: this.#missing.streamOffset + piece.length,
      bytes: this.#missing.bytes - piece.length,
    };
    if (this.#missing.bytes === 0) this.#missing = undefined;
  }

  #take(bytes: Buffer): void {
    if (!this.#window) return;
    copyBytes(bytes, new Uint8Array(this.#window.input), this.#filled);
    this.#filled += bytes.length;
  }
}
