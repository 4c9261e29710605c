import { copyBytes } from '../files/copy-bytes.ts';
import { pageAlignedMemory } from '../files/direct-io.ts';
import type { Writes } from './writes.ts';

const PIECE_BYTES = 1024 * 1024;

/**
 * Gathers contiguous writes of any size into pieces that can bypass the page cache. Copies the bytes, so that the
 * caller can reuse its memory.
 */
export class GatheredWrites {
  /** Unused buffers: as many as were in flight at once. */
  readonly #free: Buffer[] = [];
  #piece: Buffer | undefined;
  /** File offset of the current piece; `#filled` is its length. */
  #startBytes = 0;
  #filled = 0;

  /**
   * Adds bytes at a file offset. If they do not follow the previously added ones, they start a new piece, which is most
   * efficient at a page boundary.
   */
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

  /** Starts to write the gathered bytes. */
  flush(writes: Writes): void {
    const piece = this.#piece;
    if (piece) writes.add(piece.subarray(0, this.#filled), this.#startBytes, () => this.#free.push(piece));
    this.#startBytes += this.#filled;
    this.#filled = 0;
    this.#piece = undefined;
  }
}
