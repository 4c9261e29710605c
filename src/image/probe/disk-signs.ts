import { BOOT_SIGNATURE, BOOT_SIGNATURE_AT } from '../../base/disk/boot-sector.ts';
import type { OpenFile } from '../file/open-file.ts';

const SECTOR_BYTES = 512;
/**
 * All signatures are in the first 256 KiB, up to the ZFS uberblocks. The exceptions are those at the end of the disk
 * and VMFS, which starts at 1 MiB.
 */
const HEAD_BYTES = 256 * 1024;
const VMFS_OFFSET_BYTES = 2 ** 20;

/** A disk signature: `bytes` at any of `offsets`. */
interface Sign {
  what: string;
  offsets: readonly number[];
  bytes: Buffer;
  /** For two-byte signatures, which any file can contain by chance. */
  confirm?: (head: Buffer) => boolean;
}

/** ext2, ext3, ext4: s_log_block_size for block sizes of 1 to 64 KiB (Linux: fs/ext4/ext4.h). */
const isExt = (head: Buffer): boolean => head.readUInt32LE(1048) <= 6 && head.readUInt32LE(1024) > 0;
/** The exclusive or of the 16-bit words of a Sun disk label is 0. */
const isSunLabel = (head: Buffer): boolean => {
  let sum = 0;
  for (let at = 0; at < SECTOR_BYTES; at += 2) sum ^= head.readUInt16BE(at);
  return sum === 0;
};

/**
 * Partition tables, volume managers and file systems. The offsets are those of `libblkid` in util-linux, which names
 * the kernel source of each. Formats that are not in this list are rejected unless `--input-format raw` is set.
 */
const SIGNS: readonly Sign[] = [
  sign('a GUID partition table', 'EFI PART', 512, 4096),
  sign('a boot sector or an MBR partition table', BOOT_SIGNATURE, BOOT_SIGNATURE_AT),
  sign('a BSD disklabel', hex('57455682'), 0, 64, 512, 576),
  sign('an Apple partition map', hex('504d0000'), 512, 2048),
  sign('an SGI volume header', hex('0be5a941'), 0),
  // In any of the first 16 sectors (Linux: block/partitions/amiga.c).
  sign('an Amiga rigid disk block', 'RDSK', ...Array.from({ length: 16 }, (_, sector) => sector * 512)),
  { ...sign('a Sun disk label', hex('dabe'), 508), confirm: isSunLabel },
  sign('an LVM physical volume', 'LABELONE', 0, 512, 1024, 1536),
  sign('a member of a Linux RAID', hex('fc4e2ba9'), 0, 4096),
  sign('a Stratis block device', '!Stra0tis', 516),
  sign('a VDO volume', 'dmvdo001', 0),
  sign('a bcache device', hex('c68573f64e1a45ca8265f57f48ba6d81'), 4120),
  sign('a bcachefs file system', hex('c68573f666ce90a9d96a60cf803df7ef'), 4120),
  sign('a Ceph BlueStore device', 'bluestore block device', 0),
  sign('an Oracle ASM disk', 'ORCLDISK', 32),
  sign('swap space', 'SWAPSPACE2', 4086, 8182, 16_374, 65_526),
  sign('swap space', 'SWAP-SPACE', 4086, 8182, 16_374, 65_526),
  sign('swap space', 'S1SUSPEND', 4086, 8182, 16_374, 65_526),
  { ...sign('an ext file system', hex('53ef'), 1080), confirm: isExt },
  sign('an XFS file system', 'XFSB', 0),
  sign('a Btrfs file system', '_BHRfS_M', 65_600),
  sign('an F2FS file system', hex('1020f5f2'), 1024),
  sign('a ReiserFS file system', 'ReIsEr', 8244, 65_588),
  sign('a JFS file system', 'JFS1', 32_768),
  sign('a GFS2 file system', hex('01161970'), 65_536),
  sign('an OCFS2 file system', 'OCFSV2', 1024, 2048, 4096, 8192),
  sign('a VxFS file system', hex('f5fc01a5'), 1024),
  sign('a UFS file system', hex('54190100'), 9564),
  sign('a UFS file system', hex('19015419'), 9564, 66_908),
  sign('a BeFS file system', '1SFB', 544),
  sign('an HFS Plus file system', hex('482b0004'), 1024),
  sign('an HFS Plus file system', hex('48580005'), 1024),
  sign('an APFS container', 'NXSB', 32),
  sign('an NTFS file system', 'NTFS    ', 3),
  sign('an ISO 9660 file system', 'CD001', 32_769),
  sign('a UDF file system', 'BEA01', 32_769),
  sign('a SquashFS file system', 'hsqs', 0),
  sign('an EROFS file system', hex('e2e1f5e0'), 1024),
  sign('a CramFS file system', hex('453dcd28'), 0),
  sign('a romfs file system', '-rom1fs-', 0),
];

/**
 * An array of uberblocks, at least one per KiB, fills the second half of the first label (OpenZFS:
 * include/sys/uberblock_impl.h).
 */
const ZFS_UBERBLOCKS = { from: 128 * 1024, step: 1024, magics: [hex('0cb1ba0000000000'), hex('0000000000bab10c')] };
/** Linux RAID, versions 0.90 and 1.0: at the end of the disk, aligned to 64 KiB and 4 KiB (Linux: drivers/md/md.c). */
const RAID_MAGICS = [hex('fc4e2ba9'), hex('a92b4efc')];

/**
 * Returns what identifies the content of `file` as a disk: a partition table, a volume manager's label or a file
 * system. Undefined if nothing is recognized.
 */
export async function diskSign(file: OpenFile): Promise<string | undefined> {
  const read = await file.read(0, HEAD_BYTES);
  if (read.length < SECTOR_BYTES) return undefined;
  // Pads a short file with zeros, so that signatures past its end do not match.
  const head = Buffer.concat([read, Buffer.alloc(HEAD_BYTES - read.length)]);
  const found = SIGNS.find(
    ({ offsets, bytes, confirm }) => offsets.some((at) => holds(head, bytes, at)) && (confirm?.(head) ?? true),
  );
  if (found !== undefined) return found.what;
  if (isZfs(head)) return 'a member of a ZFS pool';
  const vmfs = await file.read(VMFS_OFFSET_BYTES, 4);
  if (vmfs.equals(hex('0dd001c0'))) return 'a VMFS volume';
  return (await isRaidAtEnd(file)) ? 'a member of a Linux RAID' : undefined;
}

function isZfs(head: Buffer): boolean {
  const { from, step, magics } = ZFS_UBERBLOCKS;
  for (let at = from; at < HEAD_BYTES; at += step) if (magics.some((magic) => holds(head, magic, at))) return true;
  return false;
}

async function isRaidAtEnd(file: OpenFile): Promise<boolean> {
  const sectors = Math.floor(file.sizeBytes / SECTOR_BYTES);
  const places = [sectors - (sectors % 128) - 128, Math.floor((sectors - 16) / 8) * 8];
  for (const place of places) {
    if (place < 0) continue;
    const magic = await file.read(place * SECTOR_BYTES, 4);
    if (RAID_MAGICS.some((known) => known.equals(magic))) return true;
  }
  return false;
}

function holds(head: Buffer, bytes: Buffer, at: number): boolean {
  return head.subarray(at, at + bytes.length).equals(bytes);
}

function sign(what: string, bytes: string | Buffer, ...offsets: number[]): Sign {
  return { what, offsets, bytes: typeof bytes === 'string' ? Buffer.from(bytes, 'latin1') : bytes };
}

function hex(digits: string): Buffer {
  return Buffer.from(digits, 'hex');
}
