import type { FileHandle } from 'node:fs/promises';
import { writeFully } from '../../base/files/direct-io.ts';

const BLOCK_BYTES = 1024 * 1024;

/** The minimum distance for {@link moveTowardsEnd}. */
export const LEAST_MOVE_BYTES = BLOCK_BYTES;

/**
 * Moves the bytes from `from` to `end` in a file by `distance` towards the end, in place, so that no space for a second
 * copy is needed. Blocks are moved from last to first and are no longer than the distance, so no block overwrites data
 * that was not moved yet. The first block extends the file, so a full disk is detected before anything is lost. The
 * file is inconsistent during the move.
 */
export async function moveTowardsEnd(
  handle: FileHandle,
  from: number,
  end: number,
  distance: number,
  signal?: AbortSignal,
): Promise<void> {
  const block = Buffer.allocUnsafeSlow(BLOCK_BYTES);
  for (let stop = end; stop > from;) {
    signal?.throwIfAborted();
    const start = Math.max(from, stop - BLOCK_BYTES);
    await readFully(handle, block.subarray(0, stop - start), start);
    await writeFully(handle, block.subarray(0, stop - start), start + distance);
    stop = start;
  }
}

async function readFully(handle: FileHandle, into: Uint8Array, offsetBytes: number): Promise<void> {
  for (let done = 0; done < into.length;) {
    const { bytesRead } = await handle.read(into, done, into.length - done, offsetBytes + done);
    if (bytesRead === 0) throw Object.assign(new Error('the file is shorter than what was written'), { code: 'EIO' });
    done += bytesRead;
  }
}
