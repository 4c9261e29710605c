import { readFile, truncate, writeFile } from 'node:fs/promises';
import { join } from 'node:path';
import { expect } from '@jest/globals';
import { openImage } from '../../../src/image/open-image.ts';
import { testWithOracle } from '../../oracles/oracle.ts';
import { failureOf } from '../failure-of.ts';
import { convertDisk, inFolder, noise, patch, writeDisk } from '../qemu-made.ts';
import { readThroughMap, runsOf } from '../read-through-map.ts';
import { testRefusals, type Refusal } from '../refusals.ts';
import { blockAt, changeFooters, changeHeader, sealVhd } from './vhd-files.ts';

const MIB = 2 ** 20;

/** Creates a disk with 4 MiB of noise in two blocks. Its size is exactly 4 MiB. */
async function smallVhd(qemuImg: string, folder: string, subformat: 'dynamic' | 'fixed' = 'dynamic'): Promise<string> {
  const [raw, path] = [join(folder, 'small.raw'), join(folder, 'small.vhd')];
  await writeDisk(raw, 4 * MIB, new Map([[0, noise(4 * MIB, 1)]]));
  await convertDisk(qemuImg, [raw, path], 'vpc', { options: `subformat=${subformat},force_size=on` });
  return path;
}

testWithOracle('qemu-img', 'the footer or its copy is enough', async ({ 'qemu-img': qemuImg }) => {
  await inFolder(async (folder) => {
    const path = await smallVhd(qemuImg, folder);
    await patch(path, (bytes) => bytes.fill(0, 0, 8));
    await using withoutCopy = await openImage(path);
    expect((await readThroughMap(withoutCopy)).equals(noise(4 * MIB, 1))).toBe(true);
    const second = await smallVhd(qemuImg, folder);
    await patch(second, (bytes) => bytes.fill(0, bytes.length - 512));
    await using withoutFooter = await openImage(second);
    expect(withoutFooter.virtualSizeBytes).toBe(4 * MIB);
  });
});

testWithOracle('qemu-img', 'a clear bit of a block’s bitmap reads as zeros', async ({ 'qemu-img': qemuImg }) => {
  await inFolder(async (folder) => {
    const path = await smallVhd(qemuImg, folder);
    await patch(path, (bytes) => {
      const bitmap = bytes.subarray(blockAt(bytes, 1));
      // Clears sectors 0, 9 to 15, and all from 64 on except the last one.
      bitmap[0] = 0x7f;
      bitmap[1] = 0x80;
      bitmap.fill(0, 8, 512);
      bitmap[511] = 1;
    });
    const wanted = noise(4 * MIB, 1);
    for (const [from, to] of [
      [0, 1],
      [9, 16],
      [64, 4095],
    ] as const) {
      wanted.fill(0, 2 * MIB + from * 512, 2 * MIB + to * 512);
    }
    await using image = await openImage(path);
    expect((await readThroughMap(image)).equals(wanted)).toBe(true);
    expect(await readThroughMap(image, 2 * MIB + 300, 2 * MIB + 9 * 512 + 3)).toEqual(
      wanted.subarray(2 * MIB + 300, 2 * MIB + 9 * 512 + 3),
    );
  });
});

testWithOracle('qemu-img', 'Virtual PC’s and qemu’s disks have the size of their geometry', async (paths) => {
  await inFolder(async (folder) => {
    const path = await smallVhd(paths['qemu-img'], folder);
    const sizeOf = async (creator: string, [cylinders, heads, sectors]: readonly [number, number, number]) => {
      await patch(path, (bytes) =>
        changeFooters(bytes, (footer) => {
          footer.write(creator, 28, 'latin1');
          footer.writeUInt16BE(cylinders, 56);
          footer[58] = heads;
          footer[59] = sectors;
        }),
      );
      await using image = await openImage(path);
      return image.virtualSizeBytes;
    };
    const geometry = [100, 4, 17] as const;
    const byGeometry = 100 * 4 * 17 * 512;
    expect(await sizeOf('vpc ', geometry)).toBe(byGeometry);
    expect(await sizeOf('qemu', geometry)).toBe(byGeometry);
    for (const creator of ['qem2', 'win ', 'd2v ', 'tap\0', 'CTXS', 'wa\0\0', 'vbox']) {
      expect(await sizeOf(creator, geometry)).toBe(4 * MIB);
    }
    expect(await sizeOf('vpc ', [65_535, 16, 255])).toBe(4 * MIB);
  });
});

const REFUSALS: readonly Refusal[] = [
  [
    'a footer that is damaged in both places',
    (bytes) => [bytes.fill(9, 200, 201), bytes.fill(9, bytes.length - 300, bytes.length - 299)],
    /neither its footer nor the copy/,
  ],
  ['an unknown type', (bytes) => changeFooters(bytes, (f) => f.writeUInt32BE(7, 60)), /disk type 7 is not 2, 3 or 4/],
  ['a size over 2 TiB', (bytes) => changeFooters(bytes, (f) => f.writeBigUInt64BE(2n ** 41n + 512n, 48)), /over 2 TiB/],
  [
    'a header outside of the file',
    (bytes) => changeFooters(bytes, (f) => f.writeBigUInt64BE(2n ** 64n - 1n, 16)),
    /its dynamic disk header would be in/,
  ],
  ['a header without its cookie', (bytes) => bytes.fill(0, 512, 520), /cookie .* is missing \(at byte 512\)/],
  ['a header with a wrong checksum', (bytes) => bytes.fill(1, 700, 701), /checksum .* is wrong \(at byte 548\)/],
  ['an unknown version', (bytes) => changeHeader(bytes, (h) => h.writeUInt32BE(0x20000, 24)), /version 0x20000/],
  ['blocks of no power of two', (bytes) => changeHeader(bytes, (h) => h.writeUInt32BE(1000, 32)), /size of 1000 bytes/],
  ['blocks of 1 GiB', (bytes) => changeHeader(bytes, (h) => h.writeUInt32BE(2 ** 30, 32)), /not a power of two from/],
  [
    'a table that is too short',
    (bytes) => changeHeader(bytes, (h) => h.writeUInt32BE(1, 28)),
    /needs 2 \(at byte 540\)/,
  ],
  [
    'a table outside of the file',
    (bytes) => changeHeader(bytes, (h) => h.writeBigUInt64BE(2n ** 40n, 16)),
    /its block table would be in bytes 1099511627776/,
  ],
  ['a table that is not aligned', (bytes) => changeHeader(bytes, (h) => h.writeBigUInt64BE(1537n, 16)), /not aligned/],
  ['a block outside of the file', (bytes) => bytes.writeUInt32BE(0x7fff_ffff, 1536), /bitmap of a block would be in/],
  [
    'more blocks than the file has room for',
    (bytes) => {
      changeHeader(bytes, (header) => header.writeUInt32BE(4, 28));
      changeFooters(bytes, (footer) => footer.writeBigUInt64BE(BigInt(8 * MIB), 48));
      for (let block = 0; block < 4; block++) bytes.writeUInt32BE(bytes.readUInt32BE(1536), 1536 + block * 4);
    },
    /it refers to more blocks than the file has space for/,
  ],
];

testRefusals(smallVhd, REFUSALS);

testWithOracle('qemu-img', 'refuses a file that is cut off', async ({ 'qemu-img': qemuImg }) => {
  await inFolder(async (folder) => {
    const path = await smallVhd(qemuImg, folder);
    await truncate(path, 3 * MIB);
    expect((await failureOf(path)).message).toMatch(/data would be in .* the file ends at byte 3145728/);
    await truncate(path, 100);
    expect((await failureOf(path, 'vpc')).message).toMatch(/its footer would be in/);
  });
});

testWithOracle('qemu-img', 'a damaged fixed disk is not taken for raw', async ({ 'qemu-img': qemuImg }) => {
  await inFolder(async (folder) => {
    const path = await smallVhd(qemuImg, folder, 'fixed');
    await using image = await openImage(path);
    expect(await runsOf(image)).toEqual([
      { kind: 'data', offsetBytes: 0, lengthBytes: 4 * MIB, file: 0, fileOffsetBytes: 0 },
    ]);
    const whole = await readFile(path);
    await patch(path, (bytes) => (bytes[bytes.length - 100] = 1));
    expect((await failureOf(path)).message).toMatch(/neither its footer/);
    // The first sector contains the guest's data here, so it is not a copy of the footer.
    const footer = Buffer.from(whole.subarray(-512));
    await writeFile(path, Buffer.concat([footer, whole.subarray(512, -512), Buffer.alloc(512)]));
    expect((await failureOf(path)).message).toMatch(/neither its footer/);
    footer.writeBigUInt64BE(BigInt(8 * MIB), 48);
    sealVhd(footer, 64);
    await writeFile(path, Buffer.concat([whole.subarray(0, -512), footer]));
    expect((await failureOf(path)).message).toMatch(/the disk would be in bytes 0 to 8388608/);
  });
});
