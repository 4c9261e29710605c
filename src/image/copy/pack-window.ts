import { createHash } from 'node:crypto';
import { deflateRawSync, zstdCompressSync } from 'node:zlib';
import type { PackedCluster } from './window.ts';

/**
 * How clusters are stored. `fast` is deflate at its quickest with the window of 32 KiB that every reader was found to take; `careful` keeps to the 4 KiB window that qemu
 * itself writes with; `zstd` needs a reader of 2020 or later.
 */
export const COMPRESSIONS = ['fast', 'careful', 'zstd'] as const;
export type Compression = (typeof COMPRESSIONS)[number];

export interface PackOptions {
  clusterBytes: number;
  compression: Compression | undefined;
  /** Decompress also what could be moved as it is. */
  verify: boolean;
}

export interface Packed {
  clusters: PackedCluster[];
  /** Bytes in use, from the start of the packed buffer. */
  packedBytes: number;
}

const ZEROS = Buffer.alloc(64 * 1024);

const NOTHING: Packed = { clusters: [], packedBytes: 0 };

/**
 * Finds the clusters of a window that are not zero and puts them side by side into `packed`, behind those that stand there before: compressed ones first, since whole ones
 * want to be aligned. Without compression `packed` may be `content` itself: clusters only ever move to the front.
 */
export function packWindow(content: Buffer, packed: Buffer, options: PackOptions, before: Packed = NOTHING): Packed {
  const { clusterBytes, compression } = options;
  const clusters = [...before.clusters];
  const whole: number[] = [];
  let end = before.packedBytes;
  for (let index = 0; index * clusterBytes < content.length; index += 1) {
    const cluster = content.subarray(index * clusterBytes, (index + 1) * clusterBytes);
    if (isZero(cluster)) continue;
    const smaller = compression && cluster.length === clusterBytes ? compress(cluster, compression) : undefined;
    if (!smaller) {
      whole.push(index);
      continue;
    }
    smaller.copy(packed, end);
    clusters.push({ index, storedBytes: smaller.length, compressed: true });
    end += smaller.length;
  }
  for (const index of whole) {
    const cluster = content.subarray(index * clusterBytes, (index + 1) * clusterBytes);
    // In place, a cluster with no zeros before it stands where it belongs.
    if (content.buffer !== packed.buffer || end !== index * clusterBytes) cluster.copy(packed, end);
    // The last cluster of a disk may lie partly behind its end.
    packed.fill(0, end + cluster.length, end + clusterBytes);
    clusters.push({ index, storedBytes: clusterBytes, compressed: false });
    end += clusterBytes;
  }
  return { clusters, packedBytes: end };
}

export function isZero(bytes: Buffer): boolean {
  for (let at = 0; at < bytes.length; at += ZEROS.length) {
    const piece = bytes.subarray(at, at + ZEROS.length);
    if (piece.compare(ZEROS, 0, piece.length) !== 0) return false;
  }
  return true;
}

/** Undefined when nothing is won: a cluster that does not shrink by a sector is stored whole. */
function compress(cluster: Buffer, compression: Compression): Buffer | undefined {
  const bytes =
    compression === 'zstd'
      ? zstdCompressSync(cluster)
      : deflateRawSync(cluster, { level: 1, windowBits: compression === 'careful' ? 12 : 15 });
  return bytes.length <= cluster.length - 512 ? bytes : undefined;
}

/** SHA-256 (hex) over what a window holds. */
export function sha256Of(content: Buffer): string {
  return createHash('sha256').update(content).digest('hex');
}
