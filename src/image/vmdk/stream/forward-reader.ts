import { EntryReader } from './entry-reader.ts';

/** Called when the requested bytes have arrived. It requests the next ones. */
export type Then = () => void;

const ZEROS = new Uint8Array(64 * 1024);

/**
 * Converts chunks with arbitrary boundaries to steps: skip n bytes, collect n bytes, read a table, or expect zeros. One
 * step is active at a time. When its bytes have arrived, its `then` runs and requests the next step.
 */
export class ForwardReader {
  /** The bytes of the last `collect`, from the start of the buffer; valid until the next one. */
  scratch = new Uint8Array(512);
  readonly #entries = new EntryReader((index, value) => this.#onEntry(index, value));
  #onEntry: (index: number, value: number) => void = () => {};
  #onNonZero: (offsetBytes: number) => void = () => {};
  #step: 'skip' | 'collect' | 'entries' | 'zeros' = 'skip';
  #left = 0;
  #then: Then = () => {};
  #filled = 0;
  #offset = 0;

  /** Number of bytes consumed. Within a `then`, this is the end of the step. */
  get offsetBytes(): number {
    return this.#offset;
  }

  /**
   * Consumes the next bytes. Errors from the callback of a step are passed on, and the reader cannot be used after one.
   */
  push(chunk: Uint8Array): void {
    let at = 0;
    while (at < chunk.length) {
      const end = at + Math.min(this.#left, chunk.length - at);
      this.#take(chunk, at, end);
      this.#offset += end - at;
      this.#left -= end - at;
      at = end;
      if (this.#left === 0) this.#then();
    }
  }

  skip(bytes: number, then: Then): void {
    this.#await('skip', bytes, then);
  }

  /** Collects `bytes` bytes into {@link scratch}. With `more`, they are appended to the bytes already there. */
  collect(bytes: number, then: Then, more = false): void {
    if (!more) this.#filled = 0;
    if (this.scratch.length < this.#filled + bytes) this.scratch = new Uint8Array(bytes);
    this.#await('collect', bytes, then);
  }

  /** Reads `count` 32-bit entries from the start of a region of `bytes` bytes. */
  readEntries(bytes: number, count: number, onEntry: (index: number, value: number) => void, then: Then): void {
    this.#onEntry = onEntry;
    this.#entries.start(count);
    this.#await('entries', bytes, then);
  }

  /**
   * Expects only zeros from here on, and at most `most` bytes. `onNonZero` receives the offset of the first non-zero
   * byte. `onTooMany` must throw.
   */
  expectZeros(most: number, onNonZero: (offsetBytes: number) => void, onTooMany: () => never): void {
    this.#onNonZero = onNonZero;
    this.#await('zeros', most + 1, onTooMany);
  }

  #await(step: 'skip' | 'collect' | 'entries' | 'zeros', bytes: number, then: Then): void {
    this.#step = step;
    this.#left = bytes;
    this.#then = then;
    if (bytes === 0) then();
  }

  #take(chunk: Uint8Array, from: number, to: number): void {
    switch (this.#step) {
      case 'skip':
        return;
      case 'collect':
        // Most reads are markers of 16 bytes, for which a loop is faster than `set` with a `subarray`.
        for (let at = from; at < to; at++) this.scratch[this.#filled++] = chunk[at] ?? 0;
        return;
      case 'entries':
        return this.#entries.push(chunk, from, to);
      case 'zeros':
        return this.#takeZeros(chunk, from, to);
    }
  }

  #takeZeros(chunk: Uint8Array, from: number, to: number): void {
    for (let at = from; at < to; at += ZEROS.length) {
      const piece = chunk.subarray(at, Math.min(at + ZEROS.length, to));
      if (Buffer.compare(piece, ZEROS.subarray(0, piece.length)) !== 0) {
        return this.#onNonZero(this.#offset + (at - from) + piece.findIndex((byte) => byte !== 0));
      }
    }
  }
}
