import { constants } from 'node:fs';
import { open, type FileHandle } from 'node:fs/promises';
import { errnoOf } from './local-file-error.ts';

/** O_DIRECT wants place, length and memory in units of the device's sectors: 512 or 4096 bytes (open(2), NOTES). */
export const DIRECT_UNIT_BYTES = 4096;
/** A smaller piece is written sooner through the page cache: past it, each waits for the device. */
const LEAST_DIRECT_BYTES = 256 * 1024;
/** https://webassembly.github.io/spec/core/exec/runtime.html#page-size */
const WASM_PAGE_BYTES = 64 * 1024;

/** TypeScript declares it with the browser's things only. */
declare const WebAssembly: {
  Memory: new (limits: { initial: number; maximum: number; shared: true }) => { readonly buffer: SharedArrayBuffer };
};

/** Memory that threads share and that starts at a page, as WebAssembly's does; without it (no room for its guard pages) any memory will do. */
export function pageAlignedMemory(lengthBytes: number): SharedArrayBuffer {
  const pages = Math.ceil(lengthBytes / WASM_PAGE_BYTES);
  try {
    return new WebAssembly.Memory({ initial: pages, maximum: pages, shared: true }).buffer;
  } catch (error) {
    if (!(error instanceof RangeError)) throw error;
  }
  return new SharedArrayBuffer(lengthBytes);
}

/** Opens an open file once more, for reading or writing past the page cache. Undefined where its file system or the kernel has no such way. */
export function openDirect({ fd }: FileHandle, access: 'read' | 'write'): Promise<FileHandle | undefined> {
  const flags = (access === 'read' ? constants.O_RDONLY : constants.O_WRONLY) | constants.O_DIRECT;
  // By its descriptor, so that it is this file whatever stands under the name by now.
  return open(`/proc/self/fd/${fd}`, flags).catch(() => undefined);
}

/**
 * Writes into an open file, anywhere. Large pieces of {@link pageAlignedMemory} go past the page cache: an image is larger than what the cache can hold for long, and there it
 * would cost a copy, a page for each 4 KiB and a flush at the end, and drive out what others use. The handle stays the caller's, who flushes and closes it.
 */
export class FileWriter implements AsyncDisposable {
  readonly #handle: FileHandle;
  #direct: Promise<FileHandle | undefined> | undefined;
  #isRefused = false;
  #cached: Promise<unknown> = Promise.resolve();

  constructor(handle: FileHandle) {
    this.#handle = handle;
  }

  /** Resolves when all is with the operating system; several may be under way. Rejects with the system's own error. */
  write(bytes: Uint8Array, offsetBytes: number): Promise<void> {
    return writeAll(bytes, offsetBytes, async (rest, at) => {
      return (await this.#writeDirect(rest, at)) ?? (await this.#writeCached(rest, at));
    });
  }

  /** No write may be under way. */
  async [Symbol.asyncDispose](): Promise<void> {
    await (await this.#direct)?.close();
  }

  /** Undefined for what cannot go this way. */
  async #writeDirect(bytes: Uint8Array, offsetBytes: number): Promise<number | undefined> {
    if (this.#isRefused || !isAligned(bytes, offsetBytes)) return undefined;
    const direct = await (this.#direct ??= openDirect(this.#handle, 'write'));
    try {
      return (await direct?.write(bytes, 0, wholeUnits(bytes.length), offsetBytes))?.bytesWritten;
    } catch (error) {
      // The file system took the flag, but not this.
      if (errnoOf(error) !== 'EINVAL') throw error;
      this.#isRefused = true;
      return undefined;
    }
  }

  /** One after the other: in the kernel they would wait for the file's lock, with a processor each. */
  #writeCached(bytes: Uint8Array, offsetBytes: number): Promise<number> {
    const writing = this.#cached.then(() => writeSome(this.#handle, bytes, offsetBytes));
    this.#cached = writing.catch(() => undefined);
    return writing;
  }
}

/** Writes all of it through the page cache. Rejects with the system's own error. */
export function writeFully(handle: FileHandle, bytes: Uint8Array, offsetBytes: number): Promise<void> {
  return writeAll(bytes, offsetBytes, (rest, at) => writeSome(handle, rest, at));
}

/** A write may take fewer bytes than it was given, as when the disk is nearly full: the next one then tells why. */
async function writeAll(
  bytes: Uint8Array,
  offsetBytes: number,
  write: (rest: Uint8Array, offsetBytes: number) => Promise<number>,
): Promise<void> {
  for (let done = 0; done < bytes.length;) {
    const count = await write(bytes.subarray(done), offsetBytes + done);
    // Never seen from a regular file; without this it would be an endless loop.
    if (count === 0) throw Object.assign(new Error('no byte was written'), { code: 'EIO' });
    done += count;
  }
}

async function writeSome(handle: FileHandle, bytes: Uint8Array, offsetBytes: number): Promise<number> {
  return (await handle.write(bytes, 0, bytes.length, offsetBytes)).bytesWritten;
}

/** The largest number of whole units in `lengthBytes`, in bytes. */
export function wholeUnits(lengthBytes: number): number {
  return Math.floor(lengthBytes / DIRECT_UNIT_BYTES) * DIRECT_UNIT_BYTES;
}

function isAligned({ buffer, byteOffset, length }: Uint8Array, offsetBytes: number): boolean {
  if (!(buffer instanceof SharedArrayBuffer) || length < LEAST_DIRECT_BYTES) return false;
  return byteOffset % DIRECT_UNIT_BYTES === 0 && offsetBytes % DIRECT_UNIT_BYTES === 0;
}
