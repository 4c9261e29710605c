import { truncate, writeFile } from 'node:fs/promises';
import { join } from 'node:path';
import { crc32 } from 'node:zlib';
import { expect, test } from '@jest/globals';
import { openImage } from '../../../src/image/open-image.ts';
import { neededSize, requireNeededSize } from '../../../src/image/content/needed-size.ts';
import { testWithOracle } from '../../oracles/oracle.ts';
import { outputOf } from '../../oracles/run-program.ts';
import { inFolder, writeDisk } from '../qemu-made.ts';
import { bootSector, extSuperblock, xfsSuperblock } from '../raw/superblocks.ts';

const MIB = 2 ** 20;
const SECTORS = 8192;

interface Partition {
  type: number;
  start: number;
  count: number;
  status?: number;
}

/** Returns the first 8 KiB of a disk with an MBR. */
function mbr(...partitions: Partition[]): Buffer {
  const head = Buffer.alloc(8192);
  for (const [index, { type, start, count, status = 0 }] of partitions.entries()) {
    const at = 446 + index * 16;
    head.writeUInt8(status, at);
    head.writeUInt8(type, at + 4);
    head.writeUInt32LE(start, at + 8);
    head.writeUInt32LE(count, at + 12);
  }
  head.writeUInt16BE(0x55aa, 510);
  return head;
}

/** Returns the first bytes of a disk with a GPT. The disk has this number of sectors. */
function gpt(sectors: number, sectorBytes = 512): Buffer {
  const head = mbr({ type: 0xee, start: 1, count: 0xffff_ffff });
  head.write('EFI PART', sectorBytes, 'latin1');
  head.writeUInt32LE(92, sectorBytes + 12);
  head.writeBigUInt64LE(BigInt(sectors - 1), sectorBytes + 32);
  head.writeBigUInt64LE(BigInt(sectors - 34), sectorBytes + 48);
  head.writeUInt32LE(crc32(head.subarray(sectorBytes, sectorBytes + 92)), sectorBytes + 16);
  return head;
}

test('an MBR needs the end of its last partition, a GPT its second header', () => {
  const linux = { type: 0x83, start: 2048, count: 4096 };
  expect(neededSize(mbr(linux))).toEqual({ what: 'its MBR', bytes: 6144 * 512 });
  const extended = { type: 5, start: 6144, count: 2048, status: 0x80 };
  expect(neededSize(mbr(linux, extended))).toEqual({ what: 'its MBR', bytes: 8192 * 512 });
  expect(neededSize(gpt(SECTORS))).toEqual({ what: 'its GPT', bytes: SECTORS * 512 });
  expect(neededSize(gpt(SECTORS, 4096))).toEqual({ what: 'its GPT', bytes: SECTORS * 4096 });
});

test('what is not a partition table needs nothing', () => {
  expect(neededSize(Buffer.alloc(100))).toBeUndefined();
  expect(neededSize(Buffer.alloc(8192))).toBeUndefined();
  expect(neededSize(mbr())).toBeUndefined();
  expect(
    neededSize(mbr({ type: 0x83, start: 1, count: 9 }, { type: 0x41, start: 9, count: 9, status: 0x42 })),
  ).toBeUndefined();
  const damaged = gpt(SECTORS);
  damaged.writeUInt8(1, 512 + 34);
  expect(neededSize(damaged)).toBeUndefined();
});

test('a raw disk that is shorter than its partition table is refused, and converted with force and a warning', async () => {
  await inFolder(async (folder) => {
    const path = join(folder, 'disk.raw');
    const head = mbr({ type: 0x83, start: 2048, count: SECTORS - 2048 });
    await writeFile(path, head);
    await truncate(path, 4 * MIB);
    {
      await using whole = await openImage(path);
      expect(await requireNeededSize(whole, false)).toBeUndefined();
    }
    await truncate(path, 4 * MIB - 512);
    await using cut = await openImage(path);
    const sentence = `${path} is truncated, or is only a part of a disk: it has 4193792 bytes, but its MBR needs 4194304 (4.0 MiB).`;
    await expect(requireNeededSize(cut, false)).rejects.toMatchObject({
      kind: 'image',
      message: sentence,
      hint: expect.stringContaining('--force'),
    });
    expect(await requireNeededSize(cut, true)).toBe(sentence);
  });
});

testWithOracle(
  'qemu-img',
  'a VMDK in flat extents is held to its partition table as well',
  async ({ 'qemu-img': qemuImg }) => {
    await inFolder(async (folder) => {
      const [raw, vmdk] = [join(folder, 'disk.raw'), join(folder, 'disk.vmdk')];
      await writeDisk(raw, 4 * MIB, new Map([[0, gpt(SECTORS + 1)]]));
      const options = ['-o', 'subformat=twoGbMaxExtentFlat'];
      await outputOf(qemuImg, ['convert', '-f', 'raw', '-O', 'vmdk', ...options, raw, vmdk]);
      await using image = await openImage(vmdk);
      await expect(requireNeededSize(image, false)).rejects.toThrow(
        /disk-f001\.vmdk is truncated.*its GPT needs 4194816/,
      );
    });
  },
);

test.each([
  ['its ext file system', Buffer.concat([Buffer.alloc(1024), extSuperblock(2 ** 32 + 4096)]), (2 ** 32 + 4096) * 1024],
  ['its XFS file system', xfsSuperblock(16_384), 64 * MIB],
  ['its NTFS file system', bootSector('NTFS', SECTORS), 4 * MIB],
  ['its FAT file system', bootSector('FAT16', SECTORS), 4 * MIB],
  ['its FAT file system', bootSector('FAT32', SECTORS), 4 * MIB],
])('a disk without partitions needs %s', (what, head, bytes) => {
  expect(neededSize(Buffer.concat([head, Buffer.alloc(8192)]))).toEqual({ what, bytes });
});
