import { readSync } from 'node:fs';
import { errnoOf } from '../../base/local-file-error.ts';

/** O_DIRECT wants place, length and memory in units of the device's sectors: 512 or 4096 bytes (open(2), NOTES). */
const UNIT_BYTES = 4096;

/**
 * Reads as much of `target` as can be read past the page cache, from its start, and tells how many bytes that were; the rest, which may be all, is to be read as usual. Into a
 * {@link pageAlignedMemory}; elsewhere the kernel refuses.
 */
export function readDirect(directFd: number, fileOffsetBytes: number, target: Buffer): number {
  const length = Math.floor(target.length / UNIT_BYTES) * UNIT_BYTES;
  if (length === 0 || fileOffsetBytes % UNIT_BYTES !== 0) return 0;
  try {
    return readSync(directFd, target, 0, length, fileOffsetBytes);
  } catch (error) {
    // What is wrong with the file itself shows when it is read as usual.
    if (errnoOf(error) !== undefined) return 0;
    throw error;
  }
}

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

/** https://webassembly.github.io/spec/core/exec/runtime.html#page-size */
const WASM_PAGE_BYTES = 64 * 1024;
