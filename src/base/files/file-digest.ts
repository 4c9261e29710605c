import { createHash } from 'node:crypto';
import type { FileHandle } from 'node:fs/promises';

const BLOCK_BYTES = 1024 * 1024;

/**
 * SHA-256 (hex) over `sizeBytes` bytes of a file, starting at `offsetBytes`. Undefined if the file ends earlier.
 * Rejects with the signal's reason if aborted, and with errors of the file system.
 */
export async function digestOf(
  handle: FileHandle,
  offsetBytes: number,
  sizeBytes: number,
  signal?: AbortSignal,
): Promise<string | undefined> {
  const hash = createHash('sha256');
  const block = Buffer.allocUnsafeSlow(Math.min(BLOCK_BYTES, sizeBytes));
  for (let done = 0; done < sizeBytes;) {
    signal?.throwIfAborted();
    const { bytesRead } = await handle.read(block, 0, Math.min(block.length, sizeBytes - done), offsetBytes + done);
    if (bytesRead === 0) return undefined;
    hash.update(block.subarray(0, bytesRead));
    done += bytesRead;
  }
  return hash.digest('hex');
}

/** SHA-256 (hex) of a text in UTF-8. */
export function digestOfText(text: string | Uint8Array): string {
  return createHash('sha256').update(text).digest('hex');
}
