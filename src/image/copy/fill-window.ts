import { readSync } from 'node:fs';
import { inflateRawSync, inflateSync, zstdDecompressSync } from 'node:zlib';
import { Hyper2kvmError } from '../../base/errors.ts';
import type { CompressedPart, CopyWindow, WindowPart } from './window.ts';

/** Grows to the largest compressed cluster that was met: at most that of a qcow2 with clusters of 2 MiB. */
let stored = Buffer.allocUnsafeSlow(128 * 1024);

/** Reads and decompresses a window into `content`, which has its length. What no part covers becomes zeros. Runs in a worker: it blocks. */
export function fillWindow(window: CopyWindow, content: Buffer): void {
  let filled = 0;
  for (const part of window.parts) {
    if (part.at > filled) content.fill(0, filled, part.at);
    filled = part.at + part.lengthBytes;
    const target = content.subarray(part.at, filled);
    if (part.compressed) decompressed(part, part.compressed).copy(target, 0, part.compressed.skipBytes);
    else readFully(part.fd, target, part.fileOffsetBytes);
  }
  content.fill(0, filled);
}

/** The whole content of the cluster that a part is of. */
function decompressed(part: WindowPart, { codec, storedBytes, clusterBytes, skipBytes }: CompressedPart): Buffer {
  if (stored.length < storedBytes) stored = Buffer.allocUnsafeSlow(storedBytes);
  const bytes = stored.subarray(0, storedBytes);
  readFully(part.fd, bytes, part.fileOffsetBytes);
  const cluster = decompress(codec, bytes, clusterBytes, part);
  if (cluster.length < skipBytes + part.lengthBytes) {
    throw corrupt(part, `gives ${cluster.length} bytes and not ${clusterBytes}`);
  }
  return cluster;
}

function decompress(codec: CompressedPart['codec'], bytes: Buffer, clusterBytes: number, part: WindowPart): Buffer {
  // One byte more than a cluster, so that zlib makes one output buffer and sees the end of the stream at once; a cluster that would give more is refused by the limit.
  const options = { chunkSize: clusterBytes + 1, maxOutputLength: clusterBytes };
  try {
    if (codec === 'zlib') return inflateSync(bytes, options);
    if (codec === 'deflate') return inflateRawSync(bytes, options);
    return zstdDecompressSync(bytes, { maxOutputLength: clusterBytes });
  } catch (error) {
    throw corrupt(part, `does not decompress (${error instanceof Error ? error.message : String(error)})`, error);
  }
}

function readFully(fd: number, target: Uint8Array, position: number): void {
  for (let done = 0; done < target.length;) {
    const count = readSync(fd, target, done, target.length - done, position + done);
    // A map may end in the middle of the file's last sector or cluster: behind the end of the file there are zeros.
    if (count === 0) {
      target.fill(0, done);
      return;
    }
    done += count;
  }
}

function corrupt(part: WindowPart, what: string, cause?: unknown): Hyper2kvmError {
  return new Hyper2kvmError('image', `The compressed cluster at byte ${part.fileOffsetBytes} of the image ${what}.`, {
    cause,
    hint: 'The image is damaged: get it again from where it was made.',
  });
}
