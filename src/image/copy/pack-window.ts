import { createHash } from 'node:crypto';
import { deflateRawSync, deflateSync, zstdCompressSync } from 'node:zlib';
import { copyBytes } from '../../base/files/copy-bytes.ts';
import { freeBuffer } from './fill-window.ts';
import { putGrain } from '../vmdk/layout/marker-writer.ts';
import { SECTOR_BYTES } from '../vmdk/layout/sparse-header.ts';
import { COMPRESSORS, type Compression, type Compressor } from '../model/encoding.ts';
import type { PackedCluster } from '../model/window.ts';

/** `grains` are those of a streamOptimized VMDK: zlib streams behind markers, each from a sector's border on; all are compressed, and the last one is filled up with zeros. */
export type Packing = Compression | 'grains';

export interface PackOptions {
  clusterBytes: number;
  /** Undefined: clusters are stored as they are. */
  packing: Packing | undefined;
  /** Decompress also what could be moved as it is. */
  verify: boolean;
}

export interface Packed {
  clusters: PackedCluster[];
  /** Bytes in use, from the start of the packed buffer. */
  packedBytes: number;
}

const ZEROS = Buffer.alloc(64 * 1024);

/** What stands in the packed buffer already. */
export interface PackedBefore extends Packed {
  /** Clusters that the source's own deflate did not shrink: a sample of them tells whether another attempt is worth its time. */
  dense: ReadonlySet<number>;
}

const NOTHING: PackedBefore = { clusters: [], packedBytes: 0, dense: new Set() };

const SAMPLE_BYTES = 4096;
/** In bits of 8: random bytes have 0.994 in a sample of that size, what is compressed or encrypted hardly less. */
const MOST_ENTROPY = 0.97;

/** What a window holds, and where it stands on the disk. */
export interface WindowContent {
  offsetBytes: number;
  content: Buffer;
}

/**
 * Finds the clusters of a window that are not zero and puts them side by side into `packed`, behind those that stand there before: compressed ones first, since whole ones
 * want to be aligned. Without compression `packed` may be `content` itself: clusters only ever move to the front.
 */
export function packWindow(
  { offsetBytes, content }: WindowContent,
  packed: Buffer,
  options: PackOptions,
  before: PackedBefore = NOTHING,
): Packed {
  const { clusterBytes } = options;
  const clusters = [...before.clusters];
  const whole: number[] = [];
  let end = before.packedBytes;
  for (let index = 0; index * clusterBytes < content.length; index += 1) {
    const cluster = content.subarray(index * clusterBytes, (index + 1) * clusterBytes);
    if (isZero(cluster)) continue;
    const isHopeless = before.dense.has(index) && !sampleShrinks(cluster);
    const storedBytes = isHopeless
      ? 0
      : putCompressed(cluster, offsetBytes + index * clusterBytes, packed, end, options);
    if (storedBytes === 0) {
      whole.push(index);
      continue;
    }
    clusters.push({ index, at: end, storedBytes, compressed: true });
    end += storedBytes;
  }
  for (const index of whole) {
    const cluster = content.subarray(index * clusterBytes, (index + 1) * clusterBytes);
    // In place, a cluster with no zeros before it stands where it belongs.
    if (content.buffer !== packed.buffer || end !== index * clusterBytes) copyBytes(cluster, packed, end);
    // The last cluster of a disk may lie partly behind its end.
    packed.fill(0, end + cluster.length, end + clusterBytes);
    clusters.push({ index, at: end, storedBytes: clusterBytes, compressed: false });
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

/** Puts a cluster, compressed, into `packed` from `at` on. Returns the bytes that it takes; 0 when it has to be stored whole. */
function putCompressed(
  cluster: Buffer,
  diskOffsetBytes: number,
  packed: Buffer,
  at: number,
  { packing, clusterBytes }: PackOptions,
): number {
  if (packing === undefined) return 0;
  if (packing === 'grains') {
    const grain = cluster.length === clusterBytes ? cluster : Buffer.concat([cluster], clusterBytes);
    const bytes = deflateSync(grain, { level: 1, chunkSize: roomFor(grain) });
    const storedBytes = putGrain(packed, at, diskOffsetBytes / SECTOR_BYTES, bytes);
    freeBuffer(bytes);
    return storedBytes;
  }
  if (cluster.length < clusterBytes) return 0;
  const bytes = compress(cluster, packing);
  // Where nothing is won, by a sector at least, the cluster is stored whole.
  const storedBytes = bytes.length <= cluster.length - SECTOR_BYTES ? bytes.length : 0;
  if (storedBytes > 0) copyBytes(bytes, packed, at);
  freeBuffer(bytes);
  return storedBytes;
}

/**
 * Tells by how often each byte comes in the middle (Shannon's entropy), in a quarter of the time that deflating it takes. A source that does not really compress, as at zlib's level 0, has
 * dense grains of any content.
 */
function sampleShrinks(cluster: Buffer): boolean {
  const from = Math.max(0, Math.floor((cluster.length - SAMPLE_BYTES) / 2));
  const sample = cluster.subarray(from, from + SAMPLE_BYTES);
  const counts = new Uint16Array(256);
  for (let at = 0; at < sample.length; at += 1) {
    const byte = sample[at] ?? 0;
    counts[byte] = (counts[byte] ?? 0) + 1;
  }
  let bits = 0;
  for (const count of counts) if (count > 0) bits += count * Math.log2(sample.length / count);
  return bits / 8 < sample.length * MOST_ENTROPY;
}

function compress(cluster: Buffer, compression: Compression): Buffer {
  const chunkSize = roomFor(cluster);
  const { codec, windowBits }: Compressor = COMPRESSORS[compression];
  if (codec === 'zstd') return zstdCompressSync(cluster, { chunkSize });
  return deflateRawSync(cluster, { level: 1, windowBits, chunkSize });
}

/** What does not compress grows by less than 1 % (zlib's deflateBound, zstd's ZSTD_compressBound): the result comes in one piece. */
function roomFor(cluster: Buffer): number {
  return cluster.length + Math.ceil(cluster.length / 64) + 1024;
}

/** SHA-256 (hex) over what a window holds. */
export function sha256Of(content: Buffer): string {
  return createHash('sha256').update(content).digest('hex');
}
