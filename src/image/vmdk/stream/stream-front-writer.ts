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
/** Fixed by the format. */
export const TABLE_ENTRIES = 512;
/** The sector of the first grain, the same as in streams of VMware and qemu. */
export const OVERHEAD_SECTORS = 128;

const DESCRIPTOR_SECTOR = 1;
const DESCRIPTOR_SECTORS = 20;
/** The version of streams since vSphere 4; qemu writes it too. */
const VERSION = 3;
/**
 * The geometry is irrelevant to a system that boots with LBA. These are the maximum values that a VMware BIOS reports.
 */
const GEOMETRY = { heads: 255, sectors: 63, mostCylinders: 65_535 };

/** Encodes the header of a stream, or its footer if `directorySector` is given. See sparse-header.ts for the fields. */
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

/** The values in the descriptor of a stream. */
export interface StreamFacts {
  capacitySectors: number;
  /** A 32-bit number. */
  contentId: number;
  /**
   * The name of the file itself. Most readers take the extent from the same file, but libvmdk searches for it by this
   * name.
   */
  fileName: string;
}

/** Encodes everything before the first grain: header, descriptor and zeros. */
export function encodeStreamFront(facts: StreamFacts): Buffer {
  const front = Buffer.alloc(OVERHEAD_SECTORS * SECTOR_BYTES);
  encodeStreamHeader(facts.capacitySectors).copy(front);
  // The text fits, because a file name has at most 255 bytes.
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

/** A line break in a name would start a new line of the descriptor. */
function isOneLine(name: string): boolean {
  return Buffer.from(name).every((byte) => byte >= 0x20);
}
