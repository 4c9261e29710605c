import { createCipheriv, createHash } from 'node:crypto';
import { open } from 'node:fs/promises';

/** The raw content of a disk: the same bytes whenever they are asked for. */
export interface ContentSource {
  /** A multiple of 512. */
  readonly capacityBytes: number;
  /** Bytes from `offset`; the range lies inside the capacity. Undefined stands for zeros. */
  read(offset: number, length: number): Promise<Buffer | undefined>;
}

/** One run of a disk that is not zero. */
export interface ContentExtent {
  offsetBytes: number;
  lengthBytes: number;
  fill: 'random' | 'text';
}

/** A disk of zeros. */
export function emptyContent(capacityBytes: number): ContentSource {
  return sparseContent(capacityBytes, [], 'empty');
}

/** A disk full of bytes that do not compress. The same `seed` gives the same bytes. */
export function randomContent(capacityBytes: number, seed: string): ContentSource {
  return sparseContent(capacityBytes, [{ offsetBytes: 0, lengthBytes: capacityBytes, fill: 'random' }], seed);
}

/** A disk as guests leave them: text, holes and random data in turn, with edges that fit no grain. */
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

/** A disk of zeros but for `extents`, which stand in order and do not overlap. */
export function sparseContent(capacityBytes: number, extents: readonly ContentExtent[], seed: string): ContentSource {
  const key = createHash('sha256').update(seed).digest().subarray(0, 16);
  return {
    capacityBytes,
    async read(offset, length) {
      const end = offset + length;
      const first = firstEndingAfter(extents, offset);
      let last = first;
      while ((extents[last]?.offsetBytes ?? end) < end) last += 1;
      const touched = extents.slice(first, last);
      if (touched.length === 0) return undefined;
      const bytes = Buffer.alloc(length);
      for (const extent of touched) {
        const from = Math.max(offset, extent.offsetBytes);
        const to = Math.min(end, extentEnd(extent));
        const run = extent.fill === 'random' ? randomBytesAt(key, from, to - from) : textAt(seed, from, to - from);
        run.copy(bytes, from - offset);
      }
      return bytes;
    },
  };
}

/** A raw image file as content. The caller keeps the file as it is while the source is in use. */
export function rawFileContent(path: string, capacityBytes: number): ContentSource {
  return {
    capacityBytes,
    async read(offset, length) {
      await using file = await open(path);
      const bytes = Buffer.alloc(length);
      await file.read(bytes, 0, length, offset);
      return bytes;
    },
  };
}

/** Writes the content as a sparse raw file, to compare with. */
export async function writeRawFile(content: ContentSource, path: string): Promise<void> {
  await using file = await open(path, 'w');
  await file.truncate(content.capacityBytes);
  const stepBytes = 1 << 20;
  for (let offset = 0; offset < content.capacityBytes; offset += stepBytes) {
    const bytes = await content.read(offset, Math.min(stepBytes, content.capacityBytes - offset));
    if (bytes !== undefined) await file.write(bytes, 0, bytes.length, offset);
  }
}

/** Index of the first extent that ends after `offset`: a binary search, since big disks have thousands. */
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

/** AES in counter mode is random access: block n of the key stream depends on n alone. */
function randomBytesAt(key: Buffer, offset: number, length: number): Buffer {
  const counter = Buffer.alloc(16);
  counter.writeBigUInt64BE(BigInt(Math.floor(offset / 16)), 8);
  const skip = offset % 16;
  return createCipheriv('aes-128-ctr', key, counter)
    .update(Buffer.alloc(skip + length))
    .subarray(skip);
}

const TEXT_RECORD_BYTES = 64;

/** Lines of 64 bytes that each carry their own number, so that no two places hold the same text. */
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
