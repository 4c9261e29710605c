import type { FileHandle } from 'node:fs/promises';
import { copyBytes } from '../files/copy-bytes.ts';
import { DIRECT_UNIT_BYTES, FileWriter, pageAlignedMemory } from '../files/direct-io.ts';
import { localFileError } from '../files/local-file-error.ts';

/**
 * The size of a write. A download arrives in chunks of 16 KiB, and a system call for each would cost more than copying
 * them. Each open file has two such buffers.
 */
const BUFFER_BYTES = 1024 * 1024;

/**
 * Writes a file sequentially from an offset, in large pieces and with one write in flight: one buffer is filled while
 * the other one is written. The caller keeps ownership of the handle. A failed write is reported with kind `local-file`
 * by the next call and by every later one.
 */
export class BufferedFile {
  readonly #writer: FileWriter;
  readonly #path: string;
  #fill: Uint8Array = Buffer.from(pageAlignedMemory(BUFFER_BYTES));
  #spare: Uint8Array = Buffer.from(pageAlignedMemory(BUFFER_BYTES));
  #filled = 0;
  #position: number;
  /** Never rejects; errors are stored in `#failure`. */
  #inFlight: Promise<void> = Promise.resolve();
  #failure: { error: unknown } | undefined;

  /** `path` is for error messages; `offsetBytes` is the offset of the first byte. */
  constructor(handle: FileHandle, path: string, offsetBytes: number) {
    this.#writer = new FileWriter(handle);
    this.#path = path;
    this.#position = offsetBytes;
  }

  /** Offset of the next byte. */
  get offsetBytes(): number {
    return this.#position + this.#filled;
  }

  /**
   * Adds a chunk. Resolves when there is room for more; do not call it again earlier. A chunk that is at least as large
   * as a buffer is written directly.
   */
  async write(chunk: Uint8Array): Promise<void> {
    this.#throwFailure();
    if (this.#room === BUFFER_BYTES && chunk.length >= BUFFER_BYTES) {
      await this.#start(chunk);
      await this.#inFlight;
      return this.#throwFailure();
    }
    for (let at = 0; at < chunk.length;) {
      const piece = chunk.subarray(at, at + this.#room);
      copyBytes(piece, this.#fill, this.#filled);
      this.#filled += piece.length;
      at += piece.length;
      if (this.#room === 0) await this.#send();
    }
  }

  /**
   * Ends the file; nothing can be written after this call. Resolves when all bytes have been passed to the operating
   * system. `handle.sync` flushes them to disk.
   */
  async end(): Promise<void> {
    if (this.#filled > 0) await this.#send();
    await this.settle();
    this.#throwFailure();
  }

  /**
   * Waits for the write in flight, whether it succeeds or fails. Before that, the file must not be truncated or closed.
   * Nothing can be written after this call.
   */
  async settle(): Promise<void> {
    await this.#inFlight;
    await this.#writer[Symbol.asyncDispose]();
  }

  /** Remaining room in the buffer. The first buffer is shortened so that the next one starts at a page boundary. */
  get #room(): number {
    return BUFFER_BYTES - (this.#position % DIRECT_UNIT_BYTES) - this.#filled;
  }

  /** Writes the full buffer as soon as the previous one is written. */
  async #send(): Promise<void> {
    await this.#inFlight;
    this.#throwFailure();
    const bytes = this.#fill.subarray(0, this.#filled);
    this.#filled = 0;
    [this.#fill, this.#spare] = [this.#spare, this.#fill];
    await this.#start(bytes);
  }

  /** Starts a write after the previous one has ended. */
  async #start(bytes: Uint8Array): Promise<void> {
    await this.#inFlight;
    const position = this.#position;
    this.#position += bytes.length;
    this.#inFlight = this.#writer.write(bytes, position).catch((error: unknown) => {
      this.#failure = { error: localFileError('write', this.#path, error) };
    });
  }

  #throwFailure(): void {
    if (this.#failure !== undefined) throw this.#failure.error;
  }
}
