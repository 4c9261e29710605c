import { readSync } from 'node:fs';
import { DIRECT_UNIT_BYTES, wholeUnits } from '../../base/files/direct-io.ts';
import { errnoOf } from '../../base/files/local-file-error.ts';

/**
 * Reads as much of `target` as can be read past the page cache, from its start, and tells how many bytes that were; the rest, which may be all, is to be read as usual. Into
 * page-aligned memory; elsewhere the kernel refuses.
 */
export function readDirect(directFd: number, fileOffsetBytes: number, target: Buffer): number {
  const length = wholeUnits(target.length);
  if (length === 0 || fileOffsetBytes % DIRECT_UNIT_BYTES !== 0) return 0;
  try {
    return readSync(directFd, target, 0, length, fileOffsetBytes);
  } catch (error) {
    // What is wrong with the file itself shows when it is read as usual.
    if (errnoOf(error) !== undefined) return 0;
    throw error;
  }
}
