import type { FileHandle } from 'node:fs/promises';
import { copyBytes } from '../files/copy-bytes.ts';
import { DIRECT_UNIT_BYTES, FileWriter, pageAlignedMemory } from '../files/direct-io.ts';
import { localFileError } from '../files/local-file-error.ts';

/**
 * Bytes gathered for one write: a download comes in chunks of 16 KiB, and a system call for each would cost more than the
 * copy. Two such buffers to an open file.
 */
const BUFFER_BYTES = 1024 * 1024;

/**
 * Writes a file from one place on, in large pieces, with one write in flight: while a buffer is on its way to the disk the
 * other one fills. The handle stays the caller's. A failed write shows as kind `local-file` in the next call, and in each one
 * after that.
 */
export class BufferedFile {
  readonly #writer: FileWriter;
  readonly #path: string;
  #fill: Uint8Array = Buffer.from(pageAlignedMemory(BUFFER_BYTES));
  #spare: Uint8Array = Buffer.from(pageAlignedMemory(BUFFER_BYTES));
  #filled = 0;
  #position: number;
  /** Never rejects: what went wrong is in `#failure`. */
  #inFlight: Promise<void> = Promise.resolve();
  #failure: { error: unknown } | undefined;

  /** `path` is for errors; `offsetBytes` is where the first byte goes. */
  constructor(handle: FileHandle, path: string, offsetBytes: number) {
    this.#writer = new FileWriter(handle);
    this.#path = path;
    this.#position = offsetBytes;
  }

  /** Where the next byte will stand. */
  get offsetBytes(): number {
    return this.#position + this.#filled;
  }

  /** Takes the chunk; resolves when there is room for more. Not to be called again before that. A chunk as large as the buffers is written as it is. */
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

  /** Nothing is written after this. Resolves when all bytes are with the operating system; `handle.sync` brings them to the disk. */
  async end(): Promise<void> {
    if (this.#filled > 0) await this.#send();
    await this.settle();
    this.#throwFailure();
  }

  /** Waits for the write in flight, whatever becomes of it: before that the file may not be cut or closed. Nothing is written after this. */
  async settle(): Promise<void> {
    await this.#inFlight;
    await this.#writer[Symbol.asyncDispose]();
  }

  /** What the buffer takes; less than all of it at first, so that the next one starts where a page does. */
  get #room(): number {
    return BUFFER_BYTES - (this.#position % DIRECT_UNIT_BYTES) - this.#filled;
  }

  /** Sends the full buffer off as soon as the one before it is written. */
  async #send(): Promise<void> {
    await this.#inFlight;
    this.#throwFailure();
    const bytes = this.#fill.subarray(0, this.#filled);
    this.#filled = 0;
    [this.#fill, this.#spare] = [this.#spare, this.#fill];
    await this.#start(bytes);
  }

  /** Begins a write when the one before it is done. */
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
