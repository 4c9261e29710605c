import { readU32 } from '../layout/marker.ts';

/** Reads a table of little-endian 32-bit entries from pieces with arbitrary boundaries. */
export class EntryReader {
  readonly #onEntry: (index: number, value: number) => void;
  #limit = 0;
  #index = 0;
  #carried = 0;
  #carry = 0;

  /** `onEntry` is called for each entry in order. */
  constructor(onEntry: (index: number, value: number) => void) {
    this.#onEntry = onEntry;
  }

  /** Starts a table of `entries` entries. Bytes after the last entry are padding and are ignored. */
  start(entries: number): void {
    this.#limit = entries;
    this.#index = 0;
    this.#carried = 0;
    this.#carry = 0;
  }

  push(chunk: Uint8Array, from: number, to: number): void {
    let at = from;
    while (at < to && this.#index < this.#limit) {
      if (this.#carried === 0 && to - at >= 4) {
        this.#onEntry(this.#index++, readU32(chunk, at));
        at += 4;
      } else {
        this.#carry |= (chunk[at++] ?? 0) << (8 * this.#carried++);
        if (this.#carried === 4) this.#endCarry();
      }
    }
  }

  #endCarry(): void {
    this.#onEntry(this.#index++, this.#carry >>> 0);
    this.#carried = 0;
    this.#carry = 0;
  }
}
