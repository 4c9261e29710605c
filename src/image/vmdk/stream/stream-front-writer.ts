import {
  COMPRESSION_DEFLATE,
  DIRECTORY_AT_END,
  FLAG_COMPRESSED,
  FLAG_LINE_ENDS,
  FLAG_MARKERS,
  LINE_ENDS,
  SECTOR_BYTES,
  SPARSE_MAGIC,
} from '../layout/sparse-header.ts';

/** 64 KiB: what VMware and qemu write, and other readers expect. */
export const GRAIN_SECTORS = 128;
/** The format fixes it. */
export const TABLE_ENTRIES = 512;
/** Where the first grain stands: VMware and qemu start there too. */
export const OVERHEAD_SECTORS = 128;

const DESCRIPTOR_SECTOR = 1;
const DESCRIPTOR_SECTORS = 20;
/** The version of streams since vSphere 4; qemu writes it too. */
const VERSION = 3;
/** Geometry means nothing to a system that boots by LBA; the numbers are the most that a BIOS of VMware's tells. */
const GEOMETRY = { heads: 255, sectors: 63, mostCylinders: 65_535 };

/**
 * The header of a stream, or with `directorySector` its footer: see sparse-header.ts for the fields.
 */
export function encodeStreamHeader(capacitySectors: number, directorySector?: number): Buffer {
  const bytes = Buffer.alloc(SECTOR_BYTES);
  bytes.writeUInt32LE(SPARSE_MAGIC, 0);
  bytes.writeUInt32LE(VERSION, 4);
  bytes.writeUInt32LE(FLAG_LINE_ENDS | FLAG_COMPRESSED | FLAG_MARKERS, 8);
  bytes.writeBigUInt64LE(BigInt(capacitySectors), 12);
  bytes.writeBigUInt64LE(BigInt(GRAIN_SECTORS), 20);
  bytes.writeBigUInt64LE(BigInt(DESCRIPTOR_SECTOR), 28);
  bytes.writeBigUInt64LE(BigInt(DESCRIPTOR_SECTORS), 36);
  bytes.writeUInt32LE(TABLE_ENTRIES, 44);
  bytes.writeBigUInt64LE(directorySector === undefined ? DIRECTORY_AT_END : BigInt(directorySector), 56);
  bytes.writeBigUInt64LE(BigInt(OVERHEAD_SECTORS), 64);
  bytes.writeUInt32BE(LINE_ENDS, 73);
  bytes.writeUInt16LE(COMPRESSION_DEFLATE, 77);
  return bytes;
}

/** What the descriptor in a stream tells. */
export interface StreamFacts {
  capacitySectors: number;
  /** 32 bits. */
  contentId: number;
  /** That of the file: most readers take the extent for the file itself, but libvmdk looks for it by this name. */
  fileName: string;
}

/** All that stands before the first grain: header, descriptor, and zeros. */
export function encodeStreamFront(facts: StreamFacts): Buffer {
  const front = Buffer.alloc(OVERHEAD_SECTORS * SECTOR_BYTES);
  encodeStreamHeader(facts.capacitySectors).copy(front);
  // A file name has 255 bytes at most: the text fits.
  front.write(descriptorText(facts), DESCRIPTOR_SECTOR * SECTOR_BYTES);
  return front;
}

function descriptorText({ capacitySectors, contentId, fileName }: StreamFacts): string {
  const { heads, sectors, mostCylinders } = GEOMETRY;
  const cylinders = Math.min(Math.ceil(capacitySectors / (heads * sectors)), mostCylinders);
  return [
    '# Disk DescriptorFile',
    'version=1',
    'encoding="UTF-8"',
    `CID=${contentId.toString(16).padStart(8, '0')}`,
    'parentCID=ffffffff',
    'createType="streamOptimized"',
    '',
    '# Extent description',
    `RDONLY ${capacitySectors} SPARSE "${isOneLine(fileName) ? fileName : 'disk.vmdk'}"`,
    '',
    '# The Disk Data Base',
    '#DDB',
    '',
    'ddb.adapterType = "lsilogic"',
    `ddb.geometry.cylinders = "${cylinders}"`,
    `ddb.geometry.heads = "${heads}"`,
    `ddb.geometry.sectors = "${sectors}"`,
    'ddb.virtualHWVersion = "4"',
    '',
  ].join('\n');
}

/** A line end in a name would begin a line of the descriptor. */
function isOneLine(name: string): boolean {
  return Buffer.from(name).every((byte) => byte >= 0x20);
}
