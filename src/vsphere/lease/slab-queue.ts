import { copyBytes } from '../../base/files/copy-bytes.ts';
import { pageAlignedMemory } from '../../base/files/direct-io.ts';

/** Large enough to hash and write about 64 TLS records per call, small enough to stay in the CPU cache. */
const SLAB_BYTES = 1024 * 1024;
/** The source must pause when this many full slabs are queued. */
const MOST_WAITING = 2;
/** On a slow connection, hand over partly filled slabs after this time, so that progress stays visible. */
const HAND_OVER_AFTER_MS = 50;

type Ending = { error: unknown } | 'complete';

/**
 * Collects small chunks into large reused buffers, between a source that pushes and a reader that pulls. Memory is
 * limited to a few slabs: when too many are queued, `push` returns false and the source must pause. Data that arrives
 * before it pauses is still accepted.
 */
export class SlabQueue {
  readonly #onRoom: () => void;
  readonly #waiting: Buffer[] = [];
  readonly #free: Buffer[] = [];
  #fill: Buffer = Buffer.from(pageAlignedMemory(SLAB_BYTES));
  #filled = 0;
  #ended: Ending | undefined;
  #wake: (() => void) | undefined;
  #timer: NodeJS.Timeout | undefined;

  /** `onRoom` is called when a paused source may resume. */
  constructor(onRoom: () => void) {
    this.#onRoom = onRoom;
  }

  /** Copies the chunk. Returns false when the source must pause until `onRoom`. */
  push(piece: Buffer): boolean {
    for (let at = 0; at < piece.length;) {
      const part = piece.subarray(at, at + SLAB_BYTES - this.#filled);
      copyBytes(part, this.#fill, this.#filled);
      this.#filled += part.length;
      at += part.length;
      if (this.#filled === SLAB_BYTES) this.#handOver();
    }
    if (this.#filled > 0) this.#timer ??= setTimeout(() => this.#handOver(), HAND_OVER_AFTER_MS);
    return this.#waiting.length < MOST_WAITING;
  }

  /** All data has arrived: the reader gets the remaining data, then the end. */
  end(): void {
    this.#finish('complete');
  }

  /** The reader gets `error` at once; queued data is dropped. */
  fail(error: unknown): void {
    this.#finish({ error });
  }

  /** The slabs in order. Each is valid until the reader requests the next one. */
  async *slabs(): AsyncGenerator<Buffer, void, undefined> {
    for (;;) {
      const slab = this.#waiting.shift();
      if (this.#ended !== undefined && this.#ended !== 'complete') throw this.#ended.error;
      if (slab) {
        if (this.#waiting.length === MOST_WAITING - 1) this.#onRoom();
        yield slab;
        if (slab.byteOffset === 0 && slab.buffer.byteLength === SLAB_BYTES) this.#free.push(Buffer.from(slab.buffer));
      } else if (this.#ended) return;
      else await new Promise<void>((resolve) => (this.#wake = resolve));
    }
  }

  #handOver(): void {
    clearTimeout(this.#timer);
    this.#timer = undefined;
    if (this.#filled === 0) return;
    this.#waiting.push(this.#fill.subarray(0, this.#filled));
    this.#fill = this.#free.pop() ?? Buffer.from(pageAlignedMemory(SLAB_BYTES));
    this.#filled = 0;
    this.#wakeReader();
  }

  #finish(how: Ending): void {
    if (this.#ended) return;
    this.#handOver();
    this.#ended = how;
    this.#wakeReader();
  }

  #wakeReader(): void {
    this.#wake?.();
    this.#wake = undefined;
  }
}
