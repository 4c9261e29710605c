import { constants } from 'node:fs';
import { open, type FileHandle } from 'node:fs/promises';
import { errnoOf } from './local-file-error.ts';

/**
 * O_DIRECT requires that the offset, the length and the memory address are multiples of the device's sector size: 512
 * or 4096 bytes (open(2), NOTES).
 */
export const DIRECT_UNIT_BYTES = 4096;
/** Smaller pieces are faster through the page cache, because a direct write waits for the device. */
const LEAST_DIRECT_BYTES = 256 * 1024;
/** https://webassembly.github.io/spec/core/exec/runtime.html#page-size */
const WASM_PAGE_BYTES = 64 * 1024;

/** TypeScript declares WebAssembly only in its DOM library. */
declare const WebAssembly: {
  Memory: new (limits: { initial: number; maximum: number; shared: true }) => { readonly buffer: SharedArrayBuffer };
};

/**
 * Allocates page-aligned shared memory, which WebAssembly provides. If there is no address space for its guard pages,
 * returns memory with arbitrary alignment.
 */
export function pageAlignedMemory(lengthBytes: number): SharedArrayBuffer {
  const pages = Math.ceil(lengthBytes / WASM_PAGE_BYTES);
  try {
    return new WebAssembly.Memory({ initial: pages, maximum: pages, shared: true }).buffer;
  } catch (error) {
    if (!(error instanceof RangeError)) throw error;
  }
  return new SharedArrayBuffer(lengthBytes);
}

/**
 * Opens an open file again with O_DIRECT, for reading or writing. Undefined if the file system or the kernel does not
 * support it.
 */
export function openDirect({ fd }: FileHandle, access: 'read' | 'write'): Promise<FileHandle | undefined> {
  const flags = (access === 'read' ? constants.O_RDONLY : constants.O_WRONLY) | constants.O_DIRECT;
  // Opened through its descriptor, so that it is the same file even if the name now refers to another one.
  return open(`/proc/self/fd/${fd}`, flags).catch(() => undefined);
}

/**
 * Writes into an open file at any offset. Large pieces of {@link pageAlignedMemory} bypass the page cache. An image is
 * too large to stay in the cache for long; writing it through the cache would cost a copy, a page per 4 KiB and a flush
 * at the end, and evict data that others use. The caller keeps ownership of the handle, and flushes and closes it.
 */
export class FileWriter implements AsyncDisposable {
  readonly #handle: FileHandle;
  #direct: Promise<FileHandle | undefined> | undefined;
  #isRefused = false;
  #cached: Promise<unknown> = Promise.resolve();

  constructor(handle: FileHandle) {
    this.#handle = handle;
  }

  /**
   * Resolves when all bytes have been passed to the operating system. Writes can run concurrently. Rejects with the
   * system error.
   */
  write(bytes: Uint8Array, offsetBytes: number): Promise<void> {
    return writeAll(bytes, offsetBytes, async (rest, at) => {
      return (await this.#writeDirect(rest, at)) ?? (await this.#writeCached(rest, at));
    });
  }

  /** No write may be in progress. */
  async [Symbol.asyncDispose](): Promise<void> {
    await (await this.#direct)?.close();
  }

  /** Returns undefined if the bytes cannot be written directly. */
  async #writeDirect(bytes: Uint8Array, offsetBytes: number): Promise<number | undefined> {
    if (this.#isRefused || !isAligned(bytes, offsetBytes)) return undefined;
    const direct = await (this.#direct ??= openDirect(this.#handle, 'write'));
    try {
      return (await direct?.write(bytes, 0, wholeUnits(bytes.length), offsetBytes))?.bytesWritten;
    } catch (error) {
      // The file system accepted O_DIRECT, but not this write.
      if (errnoOf(error) !== 'EINVAL') throw error;
      this.#isRefused = true;
      return undefined;
    }
  }

  /**
   * Writes run one at a time. In the kernel, concurrent writes would wait for the lock of the file and occupy a CPU
   * each.
   */
  #writeCached(bytes: Uint8Array, offsetBytes: number): Promise<number> {
    const writing = this.#cached.then(() => writeSome(this.#handle, bytes, offsetBytes));
    this.#cached = writing.catch(() => undefined);
    return writing;
  }
}

/** Writes all bytes through the page cache. Rejects with the system error. */
export function writeFully(handle: FileHandle, bytes: Uint8Array, offsetBytes: number): Promise<void> {
  return writeAll(bytes, offsetBytes, (rest, at) => writeSome(handle, rest, at));
}

/** A write can be partial, for example if the disk is nearly full. The next write then reports the error. */
async function writeAll(
  bytes: Uint8Array,
  offsetBytes: number,
  write: (rest: Uint8Array, offsetBytes: number) => Promise<number>,
): Promise<void> {
  for (let done = 0; done < bytes.length;) {
    const count = await write(bytes.subarray(done), offsetBytes + done);
    // Does not occur with regular files; prevents an endless loop.
    if (count === 0) throw Object.assign(new Error('no byte was written'), { code: 'EIO' });
    done += count;
  }
}

async function writeSome(handle: FileHandle, bytes: Uint8Array, offsetBytes: number): Promise<number> {
  return (await handle.write(bytes, 0, bytes.length, offsetBytes)).bytesWritten;
}

/** Rounds `lengthBytes` down to a multiple of the unit. */
export function wholeUnits(lengthBytes: number): number {
  return Math.floor(lengthBytes / DIRECT_UNIT_BYTES) * DIRECT_UNIT_BYTES;
}

function isAligned({ buffer, byteOffset, length }: Uint8Array, offsetBytes: number): boolean {
  if (!(buffer instanceof SharedArrayBuffer) || length < LEAST_DIRECT_BYTES) return false;
  return byteOffset % DIRECT_UNIT_BYTES === 0 && offsetBytes % DIRECT_UNIT_BYTES === 0;
}
