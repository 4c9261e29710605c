import type { FileHandle } from 'node:fs/promises';
import { localFileError } from '../base/local-file-error.ts';

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
  readonly #handle: FileHandle;
  readonly #path: string;
  #fill: Uint8Array = Buffer.allocUnsafeSlow(BUFFER_BYTES);
  #spare: Uint8Array = Buffer.allocUnsafeSlow(BUFFER_BYTES);
  #filled = 0;
  #position: number;
  /** Never rejects: what went wrong is in `#failure`. */
  #inFlight: Promise<void> = Promise.resolve();
  #failure: { error: unknown } | undefined;

  /** `path` is for errors; `offsetBytes` is where the first byte goes. */
  constructor(handle: FileHandle, path: string, offsetBytes: number) {
    this.#handle = handle;
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
    if (this.#filled === 0 && chunk.length >= BUFFER_BYTES) {
      await this.#start(chunk);
      await this.#inFlight;
      return this.#throwFailure();
    }
    for (let at = 0; at < chunk.length;) {
      const piece = chunk.subarray(at, at + BUFFER_BYTES - this.#filled);
      this.#fill.set(piece, this.#filled);
      this.#filled += piece.length;
      at += piece.length;
      if (this.#filled === BUFFER_BYTES) await this.#send();
    }
  }

  /** Resolves when all bytes are with the operating system; `handle.sync` brings them to the disk. */
  async flush(): Promise<void> {
    if (this.#filled > 0) await this.#send();
    await this.#inFlight;
    this.#throwFailure();
  }

  /** Waits for the write in flight, whatever becomes of it: before that the file may not be cut or closed. */
  async settle(): Promise<void> {
    await this.#inFlight;
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
    this.#inFlight = writeFully(this.#handle, bytes, position).catch((error: unknown) => {
      this.#failure = { error: localFileError('write', this.#path, error) };
    });
  }

  #throwFailure(): void {
    if (this.#failure !== undefined) throw this.#failure.error;
  }
}

/** A write may take fewer bytes than it was given, as when the disk is nearly full: the next one then tells why. */
export async function writeFully(handle: FileHandle, bytes: Uint8Array, offsetBytes: number): Promise<void> {
  for (let done = 0; done < bytes.length;) {
    const { bytesWritten } = await handle.write(bytes, done, bytes.length - done, offsetBytes + done);
    // Never seen from a regular file; without this it would be an endless loop.
    if (bytesWritten === 0) throw Object.assign(new Error('no byte was written'), { code: 'EIO' });
    done += bytesWritten;
  }
}
