import type { SourceFile } from '../file/source-file.ts';

/**
 * The footer of a VHD, its last sector, which in dynamic and differencing disks stands at byte 0 as well. Big-endian. Source: Microsoft's "Virtual Hard Disk Image Format
 * Specification", "Hard Disk Footer Format".
 *
 *     0 cookie   16 data offset u64   24 time stamp u32   28 creator application   48 current size u64   56 cylinders u16, heads u8, sectors u8
 *    60 disk type u32   64 checksum u32   68 unique id
 */
export interface VhdFooter {
  variant: 'fixed' | 'dynamic' | 'differencing';
  virtualSizeBytes: number;
  /** Of the dynamic disk header. */
  headerOffsetBytes: number;
  uniqueId: string;
  /** Where the copy that was taken stands. */
  atBytes: number;
}

export const SECTOR_BYTES = 512;
const COOKIE = 'conectix';
const CHECKSUM_AT = 64;
const VARIANTS: Readonly<Record<number, VhdFooter['variant']>> = { 2: 'fixed', 3: 'dynamic', 4: 'differencing' };
/** The block table counts sectors in 32 bits: 2^32 * 2^9 bytes, 2 TiB (Microsoft stops at 2,040 GiB). */
const MAX_VIRTUAL_BYTES = 2 ** 41;
/** What does not fit into cylinders, heads and sectors is written as 65535/16/255, 127.5 GiB. */
const MAX_GEOMETRY_SECTORS = 65_535 * 16 * 255;
/** Virtual PC, and qemu unless told otherwise, go by the geometry, which can be less than the current size: so do qemu and Microsoft in reading theirs. All others go by the size. */
const GEOMETRY_CREATORS = new Set(['vpc ', 'qemu']);

/** Reads the footer, or its copy when the footer is damaged; a fixed disk has no copy, its first sector is the guest's. */
export async function readVhdFooter(source: SourceFile): Promise<VhdFooter> {
  const tailAt = Math.max(0, source.sizeBytes - SECTOR_BYTES);
  for (const atBytes of [tailAt, 0]) {
    const bytes = await source.read(atBytes, SECTOR_BYTES, 'its footer');
    if (bytes.toString('latin1', 0, COOKIE.length) !== COOKIE || !hasChecksum(bytes, CHECKSUM_AT)) continue;
    const footer = parseFooter(source, bytes, atBytes);
    if (footer.variant !== 'fixed' || atBytes === tailAt) return footer;
  }
  throw source.fault(tailAt, 'neither its footer nor the copy at its start is valid');
}

function parseFooter(source: SourceFile, bytes: Buffer, atBytes: number): VhdFooter {
  const type = bytes.readUInt32BE(60);
  const variant = VARIANTS[type];
  if (variant === undefined) throw source.fault(atBytes + 60, `the disk type ${type} is not 2, 3 or 4`);
  const virtualSizeBytes = sizeOf(bytes);
  if (virtualSizeBytes > MAX_VIRTUAL_BYTES) {
    throw source.fault(atBytes + 48, `its size of ${virtualSizeBytes} bytes is over 2 TiB`);
  }
  const headerOffsetBytes = Number(bytes.readBigUInt64BE(16));
  return { variant, virtualSizeBytes, headerOffsetBytes, uniqueId: bytes.toString('hex', 68, 84), atBytes };
}

function sizeOf(bytes: Buffer): number {
  const currentSectors = Math.floor(Number(bytes.readBigUInt64BE(48)) / SECTOR_BYTES);
  const geometrySectors = bytes.readUInt16BE(56) * bytes.readUInt8(58) * bytes.readUInt8(59);
  const byGeometry =
    GEOMETRY_CREATORS.has(bytes.toString('latin1', 28, 32)) && geometrySectors !== MAX_GEOMETRY_SECTORS;
  return (byGeometry ? geometrySectors : currentSectors) * SECTOR_BYTES;
}

/** True when the u32 at `checksumAt` is "the one's complement of the sum of all the bytes" of a footer or header, itself left out. */
export function hasChecksum(bytes: Buffer, checksumAt: number): boolean {
  let sum = 0;
  for (const [at, byte] of bytes.entries()) {
    if (at < checksumAt || at >= checksumAt + 4) sum += byte;
  }
  return ~sum >>> 0 === bytes.readUInt32BE(checksumAt);
}
