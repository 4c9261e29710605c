import { createCipheriv, createHash } from 'node:crypto';
import { open } from 'node:fs/promises';

/** The raw content of a disk. Repeated reads return the same bytes. */
export interface ContentSource {
  /** A multiple of 512. */
  readonly capacityBytes: number;
  /** Reads bytes from `offset`. The range must be within the capacity. Undefined stands for zeros. */
  read(offset: number, length: number): Promise<Buffer | undefined>;
  /** The ranges that are not holes, sorted and without overlaps. Default: all of the disk. */
  allocated?(): readonly ByteRange[];
}

/** A range of a disk in bytes. */
export interface ByteRange {
  offset: number;
  length: number;
}

/** A range of a disk that is not all zeros. */
export interface ContentExtent {
  offsetBytes: number;
  lengthBytes: number;
  fill: 'random' | 'text';
}

/** A disk that contains only zeros. */
export function emptyContent(capacityBytes: number): ContentSource {
  return sparseContent(capacityBytes, [], 'empty');
}

/** A disk of incompressible bytes. The same `seed` gives the same bytes. */
export function randomContent(capacityBytes: number, seed: string): ContentSource {
  return sparseContent(capacityBytes, [{ offsetBytes: 0, lengthBytes: capacityBytes, fill: 'random' }], seed);
}

/**
 * A disk of incompressible bytes that cost nothing to make, for benchmarks: each block of 4 MiB is another part of the same
 * 64 MiB. Reads within a block return a part of these bytes, which the caller must not change.
 */
export function pooledContent(capacityBytes: number, seed: string): ContentSource {
  const key = createHash('sha256').update(seed).digest().subarray(0, 16);
  const blockBytes = 4 << 20;
  const pool = randomBytesAt(key, 0, 64 << 20);
  const places = (pool.length - blockBytes) / 512;
  const partAt = (offset: number, length: number): Buffer => {
    const block = Math.floor(offset / blockBytes);
    const start = (Math.imul(block, 0x9e37_79b1) >>> 0) % places;
    const at = start * 512 + (offset - block * blockBytes);
    return pool.subarray(at, at + Math.min(length, (block + 1) * blockBytes - offset));
  };
  return {
    capacityBytes,
    async read(offset, length) {
      const first = partAt(offset, length);
      const parts = [first];
      for (let done = first.length; done < length;) {
        const part = partAt(offset + done, length - done);
        parts.push(part);
        done += part.length;
      }
      return parts.length === 1 ? first : Buffer.concat(parts);
    },
  };
}

/** A disk like that of a real guest: text, holes and random data in turn. No boundary is aligned to a grain. */
export function mixedContent(capacityBytes: number, seed: string): ContentSource {
  const stepBytes = 5 * 64 * 1024 + 512;
  const extents: ContentExtent[] = [];
  for (let offsetBytes = 0, index = 0; offsetBytes < capacityBytes; offsetBytes += stepBytes, index += 1) {
    const fill = (['text', 'random', undefined, 'text', undefined] as const)[index % 5];
    const lengthBytes = Math.min(stepBytes, capacityBytes - offsetBytes);
    if (fill !== undefined) extents.push({ offsetBytes, lengthBytes, fill });
  }
  return sparseContent(capacityBytes, extents, seed);
}

/** A disk of zeros except for `extents`, which must be sorted and must not overlap. */
export function sparseContent(capacityBytes: number, extents: readonly ContentExtent[], seed: string): ContentSource {
  const key = seedKey(seed);
  const bytesOf = ({ fill }: ContentExtent, offset: number, length: number): Buffer =>
    fill === 'random' ? randomBytesAt(key, offset, length) : textAt(seed, offset, length);
  return {
    capacityBytes,
    allocated: () => extents.map(({ offsetBytes, lengthBytes }) => ({ offset: offsetBytes, length: lengthBytes })),
    async read(offset, length) {
      const end = offset + length;
      const first = firstEndingAfter(extents, offset);
      let last = first;
      while ((extents[last]?.offsetBytes ?? end) < end) last += 1;
      const touched = extents.slice(first, last);
      if (touched.length === 0) return undefined;
      const [only] = touched;
      if (touched.length === 1 && only !== undefined && only.offsetBytes <= offset && extentEnd(only) >= end) {
        return bytesOf(only, offset, length);
      }
      const bytes = Buffer.alloc(length);
      for (const extent of touched) {
        const from = Math.max(offset, extent.offsetBytes);
        const to = Math.min(end, extentEnd(extent));
        bytesOf(extent, from, to - from).copy(bytes, from - offset);
      }
      return bytes;
    },
  };
}

/**
 * The content of a raw image file. The caller must not change the file while the source is in use. `ranges` are those
 * that are not holes, see {@link dataRanges}.
 */
export function rawFileContent(path: string, capacityBytes: number, ranges?: readonly ByteRange[]): ContentSource {
  return {
    capacityBytes,
    ...(ranges === undefined ? {} : { allocated: () => ranges }),
    async read(offset, length) {
      await using file = await open(path);
      const bytes = Buffer.allocUnsafe(length);
      const { bytesRead } = await file.read(bytes, 0, length, offset);
      return bytes.fill(0, bytesRead);
    },
  };
}

/** Finds the ranges of a content that are not zeros, in chunks of 64 KiB. Reads all of it. */
export async function dataRanges(content: ContentSource): Promise<ByteRange[]> {
  const zeros = Buffer.alloc(1 << 16);
  const ranges: ByteRange[] = [];
  for (let offset = 0; offset < content.capacityBytes; offset += zeros.length) {
    const length = Math.min(zeros.length, content.capacityBytes - offset);
    const bytes = await content.read(offset, length);
    if (bytes !== undefined && !bytes.equals(zeros.subarray(0, length))) ranges.push({ offset, length });
  }
  return ranges;
}

/** Writes the content as a sparse raw file for comparison. */
export async function writeRawFile(content: ContentSource, path: string): Promise<void> {
  await using file = await open(path, 'w');
  await file.truncate(content.capacityBytes);
  const stepBytes = 1 << 20;
  for (let offset = 0; offset < content.capacityBytes; offset += stepBytes) {
    const bytes = await content.read(offset, Math.min(stepBytes, content.capacityBytes - offset));
    if (bytes !== undefined) await file.write(bytes, 0, bytes.length, offset);
  }
}

/** Returns the index of the first extent that ends after `offset`. Binary search, because large disks have thousands of extents. */
function firstEndingAfter(extents: readonly ContentExtent[], offset: number): number {
  let low = 0;
  let high = extents.length;
  while (low < high) {
    const middle = (low + high) >>> 1;
    const extent = extents[middle];
    if (extent !== undefined && extentEnd(extent) <= offset) low = middle + 1;
    else high = middle;
  }
  return low;
}

function extentEnd(extent: ContentExtent): number {
  return extent.offsetBytes + extent.lengthBytes;
}

/** Returns the key of {@link randomBytesAt} for a seed. */
export function seedKey(seed: string): Buffer {
  return createHash('sha256').update(seed).digest().subarray(0, 16);
}

/** Returns any part of the AES-CTR key stream: block n depends only on the key and n. */
export function randomBytesAt(key: Buffer, offset: number, length: number): Buffer {
  const counter = Buffer.alloc(16);
  counter.writeBigUInt64BE(BigInt(Math.floor(offset / 16)), 8);
  const skip = offset % 16;
  const cipher = createCipheriv('aes-128-ctr', key, counter);
  const zeros = skip + length <= ZEROS.length ? ZEROS.subarray(0, skip + length) : Buffer.alloc(skip + length);
  return cipher.update(zeros).subarray(skip);
}

const ZEROS = Buffer.alloc((1 << 20) + 16);

const TEXT_RECORD_BYTES = 64;

/** Lines of 64 bytes. Each contains its own line number, so no two places have the same text. */
function textAt(seed: string, offset: number, length: number): Buffer {
  const first = Math.floor(offset / TEXT_RECORD_BYTES);
  const last = Math.floor((offset + length - 1) / TEXT_RECORD_BYTES);
  const lines: string[] = [];
  for (let number = first; number <= last; number += 1) {
    const line = `${String(number).padStart(12, '0')} the quick brown fox reads ${seed}`;
    lines.push(`${line.slice(0, TEXT_RECORD_BYTES - 1).padEnd(TEXT_RECORD_BYTES - 1, '.')}\n`);
  }
  const skip = offset - first * TEXT_RECORD_BYTES;
  return Buffer.from(lines.join(''), 'latin1').subarray(skip, skip + length);
}
