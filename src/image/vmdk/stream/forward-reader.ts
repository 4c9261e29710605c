import { EntryReader } from './entry-reader.ts';

/** Called when the bytes that were asked for have come; it asks for the next ones. */
export type Then = () => void;

const ZEROS = new Uint8Array(64 * 1024);

/**
 * Turns chunks that are cut anywhere into steps: pass over n bytes, gather n bytes, read a table, expect zeros. One step is
 * under way at a time; when its bytes have come its `then` runs, and asks for the next step.
 */
export class ForwardReader {
  /** The bytes of the last `collect`, from its start; valid until the next one. */
  scratch = new Uint8Array(512);
  readonly #entries = new EntryReader((index, value) => this.#onEntry(index, value));
  #onEntry: (index: number, value: number) => void = () => {};
  #onNonZero: (offsetBytes: number) => void = () => {};
  #step: 'skip' | 'collect' | 'entries' | 'zeros' = 'skip';
  #left = 0;
  #then: Then = () => {};
  #filled = 0;
  #offset = 0;

  /** Bytes that were taken so far; within a `then`, where the step ended. */
  get offsetBytes(): number {
    return this.#offset;
  }

  /** Takes the next bytes. A throw of a step's callback passes through, and ends the reader's use. */
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

  /** Gathers `bytes` into {@link scratch}; with `more`, after those that stand there. */
  collect(bytes: number, then: Then, more = false): void {
    if (!more) this.#filled = 0;
    if (this.scratch.length < this.#filled + bytes) this.scratch = new Uint8Array(bytes);
    this.#await('collect', bytes, then);
  }

  /** Reads `count` 32-bit entries, the start of `bytes` bytes. */
  readEntries(bytes: number, count: number, onEntry: (index: number, value: number) => void, then: Then): void {
    this.#onEntry = onEntry;
    this.#entries.start(count);
    this.#await('entries', bytes, then);
  }

  /** All that still comes must be zeros, and at most `most` bytes: `onNonZero` gets the place of the first byte that is not, and `onTooMany` must throw. */
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
        // Most are markers of 16 bytes, for which `set` of a `subarray` does not pay.
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
