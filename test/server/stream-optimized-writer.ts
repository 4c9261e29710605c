import { promisify } from 'node:util';
import { deflate } from 'node:zlib';
import type { ContentSource } from './content-source.ts';

/*
 * A streamOptimized VMDK as a vSphere host sends it, from start to end (VMware "Virtual Disk Format 5.0"):
 *
 *   sector 0      header, with gdOffset = 2^64-1: the real offset is in the footer
 *   sector 1..    text descriptor, padded up to sector 128
 *   then          compressed grains in order of their address: marker (LBA u64, size u32), zlib data, padded to 512
 *                 after the last grain of every 512: grain table marker and the table of 512 entries u32
 *                 grain directory marker and the directory: one u32 per grain table
 *                 footer marker and the footer, a copy of the header with the real gdOffset
 *                 end-of-stream marker, 512 bytes of zeros
 */
const SECTOR_BYTES = 512;
const GRAIN_SECTORS = 128;
export const GRAIN_BYTES = GRAIN_SECTORS * SECTOR_BYTES;
const GRAINS_PER_TABLE = 512;
const OVERHEAD_SECTORS = 128;
const DESCRIPTOR_SECTORS = 20;
const GD_AT_END = 0xffffffffffffffffn;
/** Valid newline test, compressed grains, markers. */
const FLAGS = 0x30001;
const COMPRESSION_DEFLATE = 1;
const MARKER = { grainTable: 1, grainDirectory: 2, footer: 3 } as const;
/** Grains to compress at once: 1 MiB of content, enough to use all four threads of libuv's pool. */
const BATCH_GRAINS = 16;

const deflateAsync = promisify(deflate);

export interface StreamOptimizedOptions {
  /** zlib compression level of the grains. Default: 1. */
  compressionLevel?: number;
  /** How to write a last grain that extends past the end of the disk: cut at the end, or padded with zeros (default). */
  lastGrain?: 'cut' | 'padded';
}

/**
 * Generates the stream of a disk in chunks of up to about 1 MiB. The same content and options give the same bytes.
 * `tally` counts the grains that are not zero. Memory use does not depend on the capacity, except for the grain
 * directory: 4 bytes per 32 MiB.
 */
export async function* streamOptimized(
  content: ContentSource,
  options: StreamOptimizedOptions = {},
  tally = { populatedBytes: 0 },
): AsyncGenerator<Buffer, void, undefined> {
  const capacitySectors = content.capacityBytes / SECTOR_BYTES;
  if (!Number.isInteger(capacitySectors)) throw new RangeError('the capacity is no multiple of 512');
  const grainCount = Math.ceil(content.capacityBytes / GRAIN_BYTES);
  const tableCount = Math.ceil(grainCount / GRAINS_PER_TABLE);
  const directory = Buffer.alloc(roundUp(tableCount * 4));
  let sector = OVERHEAD_SECTORS;

  yield Buffer.concat(
    [header(capacitySectors, GD_AT_END), descriptor(capacitySectors)],
    OVERHEAD_SECTORS * SECTOR_BYTES,
  );
  for (let table = 0; table < tableCount; table += 1) {
    const entries = Buffer.alloc(GRAINS_PER_TABLE * 4);
    const firstGrain = table * GRAINS_PER_TABLE;
    const endGrain = Math.min(firstGrain + GRAINS_PER_TABLE, grainCount);
    let used = false;
    for (let first = firstGrain; first < endGrain; first += BATCH_GRAINS) {
      const batch = await compressBatch(content, first, Math.min(first + BATCH_GRAINS, endGrain), options);
      for (const { grain, bytes } of batch) {
        entries.writeUInt32LE(sector, (grain - firstGrain) * 4);
        sector += bytes.length / SECTOR_BYTES;
      }
      tally.populatedBytes += batch.length * GRAIN_BYTES;
      used ||= batch.length > 0;
      if (batch.length > 0) yield Buffer.concat(batch.map(({ bytes }) => bytes));
    }
    if (!used) continue;
    directory.writeUInt32LE(sector + 1, table * 4);
    sector += 1 + entries.length / SECTOR_BYTES;
    yield Buffer.concat([marker(MARKER.grainTable, entries.length), entries]);
  }
  const directoryOffset = BigInt(sector + 1);
  yield Buffer.concat([
    marker(MARKER.grainDirectory, directory.length),
    directory,
    marker(MARKER.footer, SECTOR_BYTES),
    header(capacitySectors, directoryOffset),
    Buffer.alloc(SECTOR_BYTES),
  ]);
}

async function compressBatch(content: ContentSource, first: number, end: number, options: StreamOptimizedOptions) {
  const grains = Array.from({ length: end - first }, (_, index) => first + index);
  const compressed = await Promise.all(
    grains.map(async (grain) => {
      const raw = await readGrain(content, grain * GRAIN_BYTES);
      if (raw === undefined) return undefined;
      const whole = raw.length === GRAIN_BYTES || options.lastGrain === 'cut';
      const padded = whole ? raw : Buffer.concat([raw], GRAIN_BYTES);
      const packed = await deflateAsync(padded, { level: options.compressionLevel ?? 1 });
      const bytes = Buffer.alloc(roundUp(12 + packed.length));
      bytes.writeBigUInt64LE(BigInt(grain * GRAIN_SECTORS), 0);
      bytes.writeUInt32LE(packed.length, 8);
      packed.copy(bytes, 12);
      return { grain, bytes };
    }),
  );
  return compressed.filter((entry) => entry !== undefined);
}

const ZERO_GRAIN = Buffer.alloc(GRAIN_BYTES);

/** Reads the grain at `offset`. Returns undefined if it contains only zeros. */
async function readGrain(content: ContentSource, offset: number): Promise<Buffer | undefined> {
  const length = Math.min(GRAIN_BYTES, content.capacityBytes - offset);
  const bytes = await content.read(offset, length);
  return bytes === undefined || bytes.equals(ZERO_GRAIN.subarray(0, length)) ? undefined : bytes;
}

function header(capacitySectors: number, directoryOffset: bigint): Buffer {
  const bytes = Buffer.alloc(SECTOR_BYTES);
  bytes.write('KDMV', 0, 'latin1');
  bytes.writeUInt32LE(3, 4);
  bytes.writeUInt32LE(FLAGS, 8);
  bytes.writeBigUInt64LE(BigInt(capacitySectors), 12);
  bytes.writeBigUInt64LE(BigInt(GRAIN_SECTORS), 20);
  bytes.writeBigUInt64LE(1n, 28);
  bytes.writeBigUInt64LE(BigInt(DESCRIPTOR_SECTORS), 36);
  bytes.writeUInt32LE(GRAINS_PER_TABLE, 44);
  bytes.writeBigUInt64LE(directoryOffset, 56);
  bytes.writeBigUInt64LE(BigInt(OVERHEAD_SECTORS), 64);
  bytes.write('\n \r\n', 73, 'latin1');
  bytes.writeUInt16LE(COMPRESSION_DEFLATE, 77);
  return bytes;
}

function marker(type: number, lengthBytes: number): Buffer {
  const bytes = Buffer.alloc(SECTOR_BYTES);
  bytes.writeBigUInt64LE(BigInt(lengthBytes / SECTOR_BYTES), 0);
  bytes.writeUInt32LE(type, 12);
  return bytes;
}

function descriptor(capacitySectors: number): Buffer {
  const text = `# Disk DescriptorFile
version=1
CID=7e57d15c
parentCID=ffffffff
createType="streamOptimized"

# Extent description
RDONLY ${capacitySectors} SPARSE "generated-stream.vmdk"

# The Disk Data Base
#DDB

ddb.adapterType = "lsilogic"
ddb.geometry.cylinders = "${Math.min(65535, Math.max(1, Math.floor(capacitySectors / (255 * 63))))}"
ddb.geometry.heads = "255"
ddb.geometry.sectors = "63"
ddb.toolsVersion = "2147483647"
ddb.virtualHWVersion = "19"
`;
  const bytes = Buffer.alloc(DESCRIPTOR_SECTORS * SECTOR_BYTES);
  bytes.write(text, 'latin1');
  return bytes;
}

function roundUp(bytes: number): number {
  return Math.ceil(bytes / SECTOR_BYTES) * SECTOR_BYTES;
}
