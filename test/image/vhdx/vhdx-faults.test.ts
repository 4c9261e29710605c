import { truncate } from 'node:fs/promises';
import { join } from 'node:path';
import { expect, test } from '@jest/globals';
import { openImage } from '../../../src/image/open-image.ts';
import { crc32c } from '../../../src/image/vhdx/crc32c.ts';
import { testWithOracle } from '../../oracles/oracle.ts';
import { failureOf } from '../failure-of.ts';
import { convertDisk, inFolder, noise, patch, writeDisk } from '../qemu-made.ts';
import { readThroughMap } from '../read-through-map.ts';
import { testRefusals, type Refusal } from '../refusals.ts';
import { batAt, changeHeaders, changeRegionTables, itemAt, ITEMS, metadataAt } from './vhdx-files.ts';

const MIB = 2 ** 20;

/** Creates a disk with 2 MiB of noise in blocks of 1 MiB. */
async function smallVhdx(qemuImg: string, folder: string): Promise<string> {
  const [raw, path] = [join(folder, 'small.raw'), join(folder, 'small.vhdx')];
  await writeDisk(raw, 2 * MIB, new Map([[0, noise(2 * MIB, 1)]]));
  await convertDisk(qemuImg, [raw, path], 'vhdx', { options: 'block_size=1M,log_size=1M' });
  return path;
}

test('CRC-32C gives the check value of its catalogue', () => {
  expect(crc32c(Buffer.from('123456789'))).toBe(0xe306_9283);
});

testWithOracle('qemu-img', 'one header and one region table are enough', async ({ 'qemu-img': qemuImg }) => {
  await inFolder(async (folder) => {
    for (const [header, table] of [
      [65_536, 196_608],
      [131_072, 262_144],
    ] as const) {
      const path = await smallVhdx(qemuImg, folder);
      await patch(path, (bytes) => [
        bytes.fill(1, header + 100, header + 101),
        bytes.fill(1, table + 900, table + 901),
      ]);
      await using image = await openImage(path);
      expect((await readThroughMap(image)).equals(noise(2 * MIB, 1))).toBe(true);
    }
  });
});

testWithOracle('qemu-img', 'blocks that are zero, unmapped or undefined read as zeros', async (paths) => {
  await inFolder(async (folder) => {
    for (const state of [0, 1, 2, 3]) {
      const path = await smallVhdx(paths['qemu-img'], folder);
      await patch(path, (bytes) => (bytes[batAt(bytes)] = state));
      await using image = await openImage(path);
      expect((await readThroughMap(image, 0, MIB)).equals(Buffer.alloc(MIB))).toBe(true);
    }
  });
});

const REFUSALS: readonly Refusal[] = [
  [
    'two damaged headers',
    (bytes) => [bytes.fill(1, 65_636, 65_637), bytes.fill(1, 131_172, 131_173)],
    /neither of its two headers is valid/,
  ],
  ['an unknown version', (bytes) => changeHeaders(bytes, (h) => h.writeUInt16LE(2, 66)), /version 2 is unknown/],
  [
    'a log that was not replayed',
    (bytes) => changeHeaders(bytes, (h) => h.fill(1, 48, 64)),
    /its log contains changes/,
  ],
  [
    'two damaged region tables',
    (bytes) => [bytes.fill(1, 197_000, 197_001), bytes.fill(1, 263_000, 263_001)],
    /neither of its two region tables/,
  ],
  [
    'a required region that is unknown',
    (bytes) => changeRegionTables(bytes, (table) => [table.fill(1, 16, 32), table.writeUInt32LE(1, 44)]),
    /it needs the region 01010101-0101-0101-0101-010101010101/,
  ],
  [
    'a missing region',
    (bytes) => changeRegionTables(bytes, (table) => [table.fill(1, 16, 32), table.writeUInt32LE(0, 44)]),
    /lacks the block table or the metadata/,
  ],
  [
    'a region that is there twice',
    (bytes) => changeRegionTables(bytes, (table) => table.copy(table, 48, 16, 48)),
    /twice/,
  ],
  [
    'a region outside of the file',
    (bytes) => changeRegionTables(bytes, (table) => table.writeBigUInt64LE(2n ** 50n, 32)),
    /a region would be in/,
  ],
  [
    'a region in the headers',
    (bytes) => changeRegionTables(bytes, (table) => table.writeBigUInt64LE(0n, 32)),
    /a region cannot be at byte 0/,
  ],
  [
    'a region table of too many entries',
    (bytes) => changeRegionTables(bytes, (table) => table.writeUInt32LE(9999, 8)),
    /9999 entries is over 2047/,
  ],
  ['metadata without its signature', (bytes) => bytes.fill(0, metadataAt(bytes), metadataAt(bytes) + 8), /signature/],
  [
    'metadata of too many entries',
    (bytes) => bytes.writeUInt16LE(9999, metadataAt(bytes) + 10),
    /9999 entries is over 2047/,
  ],
  [
    'a required metadata item that is unknown',
    (bytes) => bytes.fill(1, itemAt(bytes, ITEMS.logicalSector).entry, itemAt(bytes, ITEMS.logicalSector).entry + 16),
    /it needs the metadata item 01010101/,
  ],
  [
    'a metadata item outside of the metadata',
    (bytes) => bytes.writeUInt32LE(2 ** 31, itemAt(bytes, ITEMS.virtualSize).entry + 16),
    /too large, or outside of the metadata/,
  ],
  [
    'a metadata item that is too short',
    (bytes) => bytes.writeUInt32LE(4, itemAt(bytes, ITEMS.virtualSize).entry + 20),
    /missing or too short/,
  ],
  [
    'blocks of no power of two',
    (bytes) => bytes.writeUInt32LE(3 * MIB, itemAt(bytes, ITEMS.fileParameters).content),
    /block size of 3145728 bytes/,
  ],
  [
    'sectors of 1 KiB',
    (bytes) => bytes.writeUInt32LE(1024, itemAt(bytes, ITEMS.logicalSector).content),
    /logical sectors of 1024 bytes/,
  ],
  [
    'a size over 64 TiB',
    (bytes) => bytes.writeBigUInt64LE(2n ** 46n + 512n, itemAt(bytes, ITEMS.virtualSize).content),
    /over 64 TiB/,
  ],
  [
    'a block table that is too short',
    (bytes) => bytes.writeBigUInt64LE(2n ** 45n, itemAt(bytes, ITEMS.virtualSize).content),
    /has no space for the 33562623 entries/,
  ],
  [
    'a parent that is not named',
    (bytes) => (bytes[itemAt(bytes, ITEMS.fileParameters).content + 4] = 2),
    /a8d35f2d-b30b-454d-abf7-d3d84834ab0c is missing/,
  ],
  ['an unknown state of a block', (bytes) => (bytes[batAt(bytes)] = 5), /unknown state 5/],
  ['a partly present block without a parent', (bytes) => (bytes[batAt(bytes)] = 7), /the disk has no parent/],
  ['a block in the headers', (bytes) => bytes.writeBigUInt64LE(6n, batAt(bytes)), /a block would be at byte 0/],
  [
    'a block outside of the file',
    (bytes) => bytes.writeBigUInt64LE((2n ** 40n) | 6n, batAt(bytes)),
    /data would be in bytes 1099511627776/,
  ],
  [
    'more blocks than the file has room for',
    (bytes) => {
      bytes.writeBigUInt64LE(BigInt(64 * MIB), itemAt(bytes, ITEMS.virtualSize).content);
      for (let block = 1; block < 64; block++)
        bytes.copy(bytes, batAt(bytes) + block * 8, batAt(bytes), batAt(bytes) + 8);
    },
    /it refers to more blocks than the file has space for/,
  ],
];

testRefusals(smallVhdx, REFUSALS);

testWithOracle('qemu-img', 'refuses a file that is cut off', async ({ 'qemu-img': qemuImg }) => {
  await inFolder(async (folder) => {
    const path = await smallVhdx(qemuImg, folder);
    for (const [sizeBytes, message] of [
      [5 * MIB, /data would be in/],
      [2 * MIB, /a region would be in/],
      [100_000, /its header would be in/],
      [4, /its signature would be in/],
    ] as const) {
      await truncate(path, sizeBytes);
      expect((await failureOf(path, 'vhdx')).message).toMatch(message);
    }
  });
});
