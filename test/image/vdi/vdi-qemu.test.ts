import { truncate } from 'node:fs/promises';
import { join } from 'node:path';
import { expect } from '@jest/globals';
import { openImage } from '../../../src/image/open-image.ts';
import { testWithOracle } from '../../oracles/oracle.ts';
import { failureOf } from '../failure-of.ts';
import { convertDisk, inFolder, noise, patch, writeDisk } from '../qemu-made.ts';
import { runsOf } from '../read-through-map.ts';
import { testRefusals, type Refusal } from '../refusals.ts';

const MIB = 2 ** 20;

testWithOracle('qemu-img', 'a block that was discarded reads as zeros', async ({ 'qemu-img': qemuImg }) => {
  await inFolder(async (folder) => {
    const path = await smallVdi(qemuImg, folder);
    await patch(path, (bytes) => bytes.writeUInt32LE(0xffff_fffe, 512));
    await using image = await openImage(path);
    expect((await runsOf(image)).map(({ kind, lengthBytes }) => [kind, lengthBytes])).toEqual([
      ['zero', MIB],
      ['data', MIB],
    ]);
  });
});

async function smallVdi(qemuImg: string, folder: string): Promise<string> {
  const [raw, path] = [join(folder, 'small.raw'), join(folder, 'small.vdi')];
  await writeDisk(raw, 2 * MIB, new Map([[0, noise(2 * MIB, 1)]]));
  await convertDisk(qemuImg, [raw, path], 'vdi');
  return path;
}

const REFUSALS: readonly Refusal[] = [
  ['an unknown version', (bytes) => bytes.writeUInt32LE(0x0002_0000, 68), /version 2\.0 is unknown .*at byte 68/],
  ['a snapshot', (bytes) => bytes.writeUInt32LE(4, 76), /a snapshot with a parent image/],
  ['a disk that names a parent', (bytes) => bytes.fill(1, 440, 456), /a snapshot with a parent image/],
  ['an unknown type', (bytes) => bytes.writeUInt32LE(9, 76), /image type 9 is unknown/],
  ['a block size that is none', (bytes) => bytes.writeUInt32LE(3 * MIB, 376), /block size of 3145728 bytes/],
  ['blocks with extra bytes', (bytes) => bytes.writeUInt32LE(512, 380), /512 extra bytes/],
  ['a size over 64 TiB', (bytes) => bytes.writeBigUInt64LE(2n ** 46n + 512n, 368), /over 64 TiB/],
  ['a map that is too short', (bytes) => bytes.writeUInt32LE(1, 384), /map has 1 entries, and its size needs 2/],
  ['a map in the header', (bytes) => bytes.writeUInt32LE(0, 340), /block map cannot be at byte 0/],
  ['a map outside of the file', (bytes) => bytes.writeUInt32LE(2 ** 31, 340), /block map would be in bytes 2147483648/],
  ['data that is not aligned', (bytes) => bytes.writeUInt32LE(1000, 344), /not aligned to a sector/],
  ['a block outside of the file', (bytes) => bytes.writeUInt32LE(77, 516), /block 77 would be in .*at byte 516/],
];

testRefusals(smallVdi, REFUSALS);

testWithOracle('qemu-img', 'refuses a file that is cut off', async ({ 'qemu-img': qemuImg }) => {
  await inFolder(async (folder) => {
    const path = await smallVdi(qemuImg, folder);
    await truncate(path, 2 * MIB);
    expect((await failureOf(path)).message).toMatch(/block 1 would be in .* the file ends at byte 2097152/);
    await truncate(path, 100);
    expect((await failureOf(path)).message).toMatch(/its header would be in bytes 0 to 512/);
  });
});
