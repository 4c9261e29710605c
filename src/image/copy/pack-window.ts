import { createHash } from 'node:crypto';
import { deflateRawSync, deflateSync, zstdCompressSync } from 'node:zlib';
import { copyBytes } from '../../base/files/copy-bytes.ts';
import { freeBuffer } from './fill-window.ts';
import { putGrain } from '../vmdk/layout/marker-writer.ts';
import { SECTOR_BYTES } from '../vmdk/layout/sparse-header.ts';
import { COMPRESSORS, type Compression, type Compressor } from '../model/encoding.ts';
import type { PackedCluster } from '../model/window.ts';

/**
 * `grains` are the grains of a streamOptimized VMDK: zlib streams after markers, each aligned to a sector. All of them
 * are compressed, and the last one is padded with zeros.
 */
export type Packing = Compression | 'grains';

export interface PackOptions {
  clusterBytes: number;
  /** Undefined stores clusters uncompressed. */
  packing: Packing | undefined;
  /** Also decompress clusters that could be moved unchanged. */
  verify: boolean;
}

export interface Packed {
  clusters: PackedCluster[];
  /** Bytes used, from the start of the packed buffer. */
  packedBytes: number;
}

const ZEROS = Buffer.alloc(64 * 1024);

/** What the packed buffer already contains. */
export interface PackedBefore extends Packed {
  /**
   * Clusters that the source's own deflate did not shrink. A sample of each one shows whether compressing it again is
   * worthwhile.
   */
  dense: ReadonlySet<number>;
}

const NOTHING: PackedBefore = { clusters: [], packedBytes: 0, dense: new Set() };

const SAMPLE_BYTES = 4096;
/**
 * Entropy as a fraction of 8 bits per byte. A sample of random bytes of this size has 0.994; compressed or encrypted
 * data has only slightly less.
 */
const MOST_ENTROPY = 0.97;

/** The content of a window and its offset on the disk. */
export interface WindowContent {
  offsetBytes: number;
  content: Buffer;
}

/**
 * Finds the non-zero clusters of a window and stores them contiguously in `packed`, after the clusters that are already
 * there. Compressed clusters come first, because uncompressed ones need alignment. Without compression, `packed` can be
 * `content` itself: clusters only move towards the start.
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
    // When packing in place, a cluster with no zero cluster before it is already in position.
    if (content.buffer !== packed.buffer || end !== index * clusterBytes) copyBytes(cluster, packed, end);
    // The last cluster of a disk can extend past its end.
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

/**
 * Compresses a cluster into `packed` at offset `at`. Returns the number of bytes used, or 0 if the cluster must be
 * stored uncompressed.
 */
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
  // Stores the cluster uncompressed unless compression saves at least one sector.
  const storedBytes = bytes.length <= cluster.length - SECTOR_BYTES ? bytes.length : 0;
  if (storedBytes > 0) copyBytes(bytes, packed, at);
  freeBuffer(bytes);
  return storedBytes;
}

/**
 * Estimates compressibility from the byte frequencies (Shannon entropy) of a sample from the middle of the cluster, in
 * a quarter of the time that deflate takes. A source that does not really compress, for example at zlib level 0, has
 * dense grains whatever their content.
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

/**
 * Incompressible data grows by less than 1 % (zlib's deflateBound, zstd's ZSTD_compressBound), so the result fits in
 * one chunk.
 */
function roomFor(cluster: Buffer): number {
  return cluster.length + Math.ceil(cluster.length / 64) + 1024;
}

/** SHA-256 (hex) over the content of a window. */
export function sha256Of(content: Buffer): string {
  return createHash('sha256').update(content).digest('hex');
}
