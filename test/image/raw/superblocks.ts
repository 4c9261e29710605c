/** Returns the superblock of an ext4 with this number of 1 KiB blocks. It belongs at byte 1024 of the disk. */
export function extSuperblock(blocks: number): Buffer {
  const bytes = Buffer.alloc(1024);
  bytes.writeUInt32LE(16, 0);
  bytes.writeUInt32LE(blocks % 2 ** 32, 4);
  bytes.writeUInt16LE(0xef53, 56);
  // The 64BIT feature, with which the number of blocks has a high half.
  bytes.writeUInt32LE(0x80, 96);
  bytes.writeUInt32LE(Math.floor(blocks / 2 ** 32), 0x150);
  return bytes;
}

/** Returns the superblock of an XFS with this number of 4 KiB blocks. It belongs at byte 0. */
export function xfsSuperblock(blocks: number): Buffer {
  const bytes = Buffer.alloc(512);
  bytes.write('XFSB', 'latin1');
  bytes.writeUInt32BE(4096, 4);
  bytes.writeBigUInt64BE(BigInt(blocks), 8);
  return bytes;
}

/** Returns the boot sector of an NTFS or FAT file system with this number of sectors. */
export function bootSector(kind: 'NTFS' | 'FAT16' | 'FAT32', sectors: number): Buffer {
  const bytes = Buffer.alloc(512);
  bytes.writeUInt16LE(512, 11);
  if (kind === 'NTFS') bytes.writeBigUInt64LE(BigInt(sectors), 40);
  else bytes.writeUInt32LE(sectors, 32);
  bytes.write(
    kind === 'NTFS' ? 'NTFS    ' : kind.padEnd(8),
    kind === 'NTFS' ? 3 : kind === 'FAT32' ? 82 : 54,
    'latin1',
  );
  bytes.writeUInt16BE(0x55aa, 510);
  return bytes;
}
