import { crc32 } from 'node:zlib';
import { hasBootSignature } from '../../base/disk/boot-sector.ts';
import { formatBytes } from '../../base/text/amounts.ts';
import { Hyper2kvmError } from '../../base/errors.ts';
import { fillContent } from '../copy/fill-window.ts';
import { planWindows } from '../copy/plan-windows.ts';
import type { MappedImage } from '../model/image.ts';

/** The minimum disk size that the partition table or file system requires. */
export interface NeededSize {
  /** The structure that states the size, as the subject of a sentence. */
  what: string;
  bytes: number;
}

/** The `createType` of a VMDK whose extents hold the disk's bytes unchanged. */
const FLAT_VARIANT = /flat$|^vmfs$/i;
const SECTOR_BYTES = 512;
const MBR_ENTRIES = [446, 462, 478, 494];
/**
 * A protective MBR partition covers the disk regardless of the size it states; the GPT is authoritative (UEFI 2.10,
 * 5.2.3).
 */
const PROTECTIVE = 0xee;
const GPT_SIGNATURE = 'EFI PART';
/** GPT addresses are in the disk's logical sectors, which are 512 or 4096 bytes. */
const GPT_SECTOR_BYTES = [512, 4096];
/** UEFI 2.10, 5.3.2: the header is at least 92 bytes and at most one sector. */
const GPT_HEADER_BYTES = { least: 92, most: 512 };
/** The superblock of ext, F2FS and similar file systems is in the first 4 KiB. */
const HEAD_BYTES = 8192;

/**
 * Checks that a raw disk, or a disk in flat extents, is at least as large as its partition table or file system states.
 * A smaller one is truncated, or is one part of a split disk. Other formats record the disk size in their headers, and
 * their readers reject a truncated file.
 * Returns the message for a warning if `force` is set; otherwise throws.
 */
export async function requireNeededSize(image: MappedImage, force: boolean): Promise<string | undefined> {
  const [file] = image.files;
  if (file === undefined || !(image.format === 'raw' || FLAT_VARIANT.test(image.variant))) return undefined;
  const needed = neededSize(await headOf(image));
  if (needed === undefined || needed.bytes <= image.virtualSizeBytes) return undefined;
  const sentence = `${file.path} is truncated, or is only a part of a disk: it has ${image.virtualSizeBytes} bytes, but ${needed.what} needs ${needed.bytes} (${formatBytes(needed.bytes)}).`;
  if (force) return sentence;
  throw new Hyper2kvmError('image', sentence, {
    hint: 'Copy the complete disk; for a split VMDK, convert the descriptor. To convert it as it is, use --force.',
  });
}

/** The size that the first bytes of a disk imply, or undefined if they imply none. */
export function neededSize(head: Buffer): NeededSize | undefined {
  if (head.length < SECTOR_BYTES) return undefined;
  if (!hasBootSignature(head)) return extSize(head) ?? xfsSize(head);
  return ntfsOrFatSize(head) ?? mbrOrGptSize(head);
}

async function headOf(image: MappedImage): Promise<Buffer> {
  for await (const window of planWindows(image)) {
    if (window.offsetBytes > 0) break;
    const content = Buffer.alloc(window.lengthBytes);
    fillContent(window, window.parts, content);
    return content.subarray(0, HEAD_BYTES);
  }
  return Buffer.alloc(0);
}

function mbrOrGptSize(head: Buffer): NeededSize | undefined {
  const entries = MBR_ENTRIES.map((at) => ({
    status: head.readUInt8(at),
    type: head.readUInt8(at + 4),
    endSectors: head.readUInt32LE(at + 8) + head.readUInt32LE(at + 12),
  }));
  // In a boot sector without a partition table, these bytes are code or text.
  if (entries.some(({ status }) => status !== 0 && status !== 0x80)) return undefined;
  const gpt = entries.some(({ type }) => type === PROTECTIVE) ? gptSize(head) : undefined;
  if (gpt !== undefined) return gpt;
  const ends = entries.filter(({ type }) => type !== 0 && type !== PROTECTIVE).map(({ endSectors }) => endSectors);
  return ends.length === 0 ? undefined : { what: 'its MBR', bytes: Math.max(...ends) * SECTOR_BYTES };
}

/** Undefined for a header with a wrong checksum: its values cannot be trusted. */
function gptSize(head: Buffer): NeededSize | undefined {
  for (const sectorBytes of GPT_SECTOR_BYTES) {
    if (head.toString('latin1', sectorBytes, sectorBytes + 8) !== GPT_SIGNATURE) continue;
    const headerBytes = head.readUInt32LE(sectorBytes + 12);
    if (headerBytes < GPT_HEADER_BYTES.least || headerBytes > GPT_HEADER_BYTES.most) continue;
    const header = Buffer.from(head.subarray(sectorBytes, sectorBytes + headerBytes));
    const checksum = header.readUInt32LE(16);
    header.writeUInt32LE(0, 16);
    if (crc32(header) !== checksum) continue;
    // The backup header is in the last sector of the disk, after all partitions.
    const lastSector = Math.max(Number(header.readBigUInt64LE(32)), Number(header.readBigUInt64LE(48)));
    return { what: 'its GPT', bytes: (lastSector + 1) * sectorBytes };
  }
  return undefined;
}

/** Handles a disk that contains a single file system and no partition table. */
function ntfsOrFatSize(head: Buffer): NeededSize | undefined {
  const sectorBytes = head.readUInt16LE(11);
  const text = (at: number, length: number): string => head.toString('latin1', at, at + length);
  if (text(3, 8) === 'NTFS    ') {
    return { what: 'its NTFS file system', bytes: Number(head.readBigUInt64LE(40)) * sectorBytes };
  }
  if (text(54, 3) !== 'FAT' && text(82, 5) !== 'FAT32') return undefined;
  const sectors = head.readUInt16LE(19) || head.readUInt32LE(32);
  return { what: 'its FAT file system', bytes: sectors * sectorBytes };
}

/**
 * Linux: fs/ext4/ext4.h, struct ext4_super_block. The high half of the block count is valid only with the 64BIT
 * feature.
 */
function extSize(head: Buffer): NeededSize | undefined {
  if (head.length < 2048 || head.readUInt16LE(1080) !== 0xef53 || head.readUInt32LE(1048) > 6) return undefined;
  const has64Bit = (head.readUInt32LE(1024 + 0x60) & 0x80) !== 0;
  const blocks = head.readUInt32LE(1028) + (has64Bit ? head.readUInt32LE(1024 + 0x150) * 2 ** 32 : 0);
  return { what: 'its ext file system', bytes: blocks * 2 ** (10 + head.readUInt32LE(1048)) };
}

/** Linux: fs/xfs/libxfs/xfs_format.h, struct xfs_dsb. */
function xfsSize(head: Buffer): NeededSize | undefined {
  if (head.toString('latin1', 0, 4) !== 'XFSB') return undefined;
  return { what: 'its XFS file system', bytes: Number(head.readBigUInt64BE(8)) * head.readUInt32BE(4) };
}
