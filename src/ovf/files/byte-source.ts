import type { FileHandle } from 'node:fs/promises';

/** A sequential source of bytes. */
export interface ByteSource {
  /** Offset of the next byte from the start of the source. */
  readonly offsetBytes: number;
  /**
   * Returns the next bytes, at least one and at most `most`; undefined at the end. The bytes are valid until the next
   * call.
   */
  next: (most: number) => Promise<Uint8Array | undefined>;
  /** Skips bytes. Returns false if the source ends earlier. */
  skip: (bytes: number) => Promise<boolean>;
}

/** Reads `bytes` bytes into memory. Returns fewer only at the end of the source. */
export async function readBytes(source: ByteSource, bytes: number): Promise<Uint8Array> {
  const pieces: Uint8Array[] = [];
  for (let missing = bytes; missing > 0;) {
    const piece = await source.next(missing);
    if (piece === undefined) break;
    pieces.push(Uint8Array.from(piece));
    missing -= piece.length;
  }
  return pieces.length === 1 && pieces[0] !== undefined ? pieces[0] : Buffer.concat(pieces);
}

/** Reads a stream as it arrives. The creator of the stream closes it. */
export class StreamSource implements ByteSource {
  readonly #chunks: AsyncIterator<Uint8Array>;
  #rest: Uint8Array = new Uint8Array(0);
  #offsetBytes = 0;

  constructor(chunks: AsyncIterable<Uint8Array>) {
    this.#chunks = chunks[Symbol.asyncIterator]();
  }

  get offsetBytes(): number {
    return this.#offsetBytes;
  }

  async next(most: number): Promise<Uint8Array | undefined> {
    while (this.#rest.length === 0) {
      const { done, value } = await this.#chunks.next();
      if (done === true) return undefined;
      this.#rest = value;
    }
    const piece = this.#rest.subarray(0, most);
    this.#rest = this.#rest.subarray(piece.length);
    this.#offsetBytes += piece.length;
    return piece;
  }

  async skip(bytes: number): Promise<boolean> {
    for (let missing = bytes; missing > 0;) {
      const piece = await this.next(missing);
      if (piece === undefined) return false;
      missing -= piece.length;
    }
    return true;
  }
}

const BLOCK_BYTES = 16 * 1024;

/** Reads an open file at the requested positions only, so skipped bytes are never read. */
export class FileSource implements ByteSource {
  readonly sizeBytes: number;
  readonly #handle: FileHandle;
  readonly #block = Buffer.allocUnsafeSlow(BLOCK_BYTES);
  #offsetBytes = 0;

  constructor(handle: FileHandle, sizeBytes: number) {
    this.#handle = handle;
    this.sizeBytes = sizeBytes;
  }

  get offsetBytes(): number {
    return this.#offsetBytes;
  }

  async next(most: number): Promise<Uint8Array | undefined> {
    const { bytesRead } = await this.#handle.read(this.#block, 0, Math.min(most, BLOCK_BYTES), this.#offsetBytes);
    this.#offsetBytes += bytesRead;
    return bytesRead === 0 ? undefined : this.#block.subarray(0, bytesRead);
  }

  skip(bytes: number): Promise<boolean> {
    const isInside = bytes <= this.sizeBytes - this.#offsetBytes;
    this.#offsetBytes = isInside ? this.#offsetBytes + bytes : this.sizeBytes;
    return Promise.resolve(isInside);
  }
}
