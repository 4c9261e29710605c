import type { SourceFile } from '../file/source-file.ts';

/**
 * The footer of a VHD, which is its last sector. Dynamic and differencing disks have a copy at byte 0. Big-endian.
 * Source: Microsoft's "Virtual Hard Disk Image Format Specification", "Hard Disk Footer Format".
 *
 *     0 cookie   16 data offset u64   24 time stamp u32   28 creator application   48 current size u64   56 cylinders u16, heads u8, sectors u8
 *    60 disk type u32   64 checksum u32   68 unique id
 */
export interface VhdFooter {
  variant: 'fixed' | 'dynamic' | 'differencing';
  virtualSizeBytes: number;
  /** Offset of the dynamic disk header. */
  headerOffsetBytes: number;
  uniqueId: string;
  /** Offset of the footer copy that was read. */
  atBytes: number;
}

export const SECTOR_BYTES = 512;
const COOKIE = 'conectix';
const CHECKSUM_AT = 64;
const VARIANTS: Readonly<Record<number, VhdFooter['variant']>> = { 2: 'fixed', 3: 'dynamic', 4: 'differencing' };
/** The block table has 32-bit sector numbers: 2^32 * 2^9 bytes, 2 TiB (Microsoft's limit is 2,040 GiB). */
const MAX_VIRTUAL_BYTES = 2 ** 41;
/** A larger disk is written with the geometry 65535/16/255, 127.5 GiB. */
const MAX_GEOMETRY_SECTORS = 65_535 * 16 * 255;
/**
 * By default, Virtual PC and qemu use the geometry, which can be smaller than the current size. qemu and Microsoft read
 * the images of these creators accordingly. All other programs use the size.
 */
const GEOMETRY_CREATORS = new Set(['vpc ', 'qemu']);

/**
 * Reads the footer, or its copy if the footer is damaged. A fixed disk has no copy, because its first sector belongs to
 * the guest.
 */
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

/**
 * Returns true if the u32 at `checksumAt` is "the one's complement of the sum of all the bytes" of a footer or header,
 * without the checksum field itself.
 */
export function hasChecksum(bytes: Buffer, checksumAt: number): boolean {
  let sum = 0;
  for (const [at, byte] of bytes.entries()) {
    if (at < checksumAt || at >= checksumAt + 4) sum += byte;
  }
  return ~sum >>> 0 === bytes.readUInt32BE(checksumAt);
}
