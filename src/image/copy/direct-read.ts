import { readSync } from 'node:fs';
import { DIRECT_UNIT_BYTES, wholeUnits } from '../../base/files/direct-io.ts';
import { errnoOf } from '../../base/files/local-file-error.ts';

/**
 * Reads into the start of `target`, bypassing the page cache, and returns the number of bytes read. The caller reads
 * the rest, which can be everything, through the page cache. `target` must be page-aligned; the kernel rejects other
 * buffers.
 */
export function readDirect(directFd: number, fileOffsetBytes: number, target: Buffer): number {
  const length = wholeUnits(target.length);
  if (length === 0 || fileOffsetBytes % DIRECT_UNIT_BYTES !== 0) return 0;
  try {
    return readSync(directFd, target, 0, length, fileOffsetBytes);
  } catch (error) {
    // If the file itself is faulty, the buffered read reports the error.
    if (errnoOf(error) !== undefined) return 0;
    throw error;
  }
}
