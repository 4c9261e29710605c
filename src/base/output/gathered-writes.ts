import { copyBytes } from '../files/copy-bytes.ts';
import { pageAlignedMemory } from '../files/direct-io.ts';
import type { Writes } from './writes.ts';

const PIECE_BYTES = 1024 * 1024;

/** Gathers what stands one behind the other in a file, however it is cut, into pieces that can go past the page cache. Copies it, so that whoever gave it can use its memory again. */
export class GatheredWrites {
  /** Pieces that are not in use: as many as were under way at once. */
  readonly #free: Buffer[] = [];
  #piece: Buffer | undefined;
  /** Where the piece stands in the file, and how much of it is there. */
  #startBytes = 0;
  #filled = 0;

  /** What is not behind what was added before starts a new piece, best where a page does. */
  add(bytes: Uint8Array, position: number, writes: Writes): void {
    if (position !== this.#startBytes + this.#filled) {
      this.flush(writes);
      this.#startBytes = position;
    }
    for (let at = 0; at < bytes.length;) {
      this.#piece ??= this.#free.pop() ?? Buffer.from(pageAlignedMemory(PIECE_BYTES));
      const part = bytes.subarray(at, at + PIECE_BYTES - this.#filled);
      copyBytes(part, this.#piece, this.#filled);
      this.#filled += part.length;
      at += part.length;
      if (this.#filled === PIECE_BYTES) this.flush(writes);
    }
  }

  /** Begins to write what is there. */
  flush(writes: Writes): void {
    const piece = this.#piece;
    if (piece) writes.add(piece.subarray(0, this.#filled), this.#startBytes, () => this.#free.push(piece));
    this.#startBytes += this.#filled;
    this.#filled = 0;
    this.#piece = undefined;
  }
}
