import { copyBytes } from '../../base/files/copy-bytes.ts';
import { pageAlignedMemory } from '../../base/files/direct-io.ts';

/** Large enough that hashing and writing cost one call each for some 64 TLS records, small enough to stay in a processor's cache. */
const SLAB_BYTES = 1024 * 1024;
/** Full slabs that wait; at one more the source is told to stop. */
const MOST_WAITING = 2;
/** A slower line is passed on in smaller pieces, so that progress shows. */
const HAND_OVER_AFTER_MS = 50;

type Ending = { error: unknown } | 'whole';

/**
 * Gathers small pieces into large buffers that are used again and again, between a source that pushes and a reader that pulls. Memory stays at a handful of
 * slabs: when too many wait, `push` says so and the source must stop (what it cannot stop in time is still taken).
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

  /** `onRoom` is called when a source that was stopped may go on. */
  constructor(onRoom: () => void) {
    this.#onRoom = onRoom;
  }

  /** Copies the piece. False when the source shall stop until `onRoom`. */
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

  /** All has come: the reader gets the rest, and then the end. */
  end(): void {
    this.#finish('whole');
  }

  /** The reader gets `error` at once: what waits is of no use any more. */
  fail(error: unknown): void {
    this.#finish({ error });
  }

  /** The slabs in order. Each is the reader's until it asks for the next one. */
  async *slabs(): AsyncGenerator<Buffer, void, undefined> {
    for (;;) {
      const slab = this.#waiting.shift();
      if (this.#ended !== undefined && this.#ended !== 'whole') throw this.#ended.error;
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
