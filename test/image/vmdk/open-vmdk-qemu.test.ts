import { open, readFile } from 'node:fs/promises';
import { expect } from '@jest/globals';
import { testWithOracle } from '../../oracles/oracle.ts';
import { outputOf } from '../../oracles/run-program.ts';
import { readThroughMap, runsOf } from '../read-through-map.ts';
import { noise, seededNumbers } from './check-bytes.ts';
import { DiskFolder, refusalOf } from './disk-folder.ts';
import { buildCowd, buildHosted, buildSeSparse, descriptorText, type Grains } from './sparse-builder.ts';

const MIB = 1 << 20;
const SUBFORMATS = [
  'monolithicSparse',
  'streamOptimized',
  'monolithicFlat',
  'twoGbMaxExtentSparse',
  'twoGbMaxExtentFlat',
] as const;

/** 70 MiB and 7 sectors: three grain tables, the last grain not whole; noise, text and holes in grains and across them. */
function mixedDisk(): Buffer {
  const disk = Buffer.alloc(70 * MIB + 7 * 512);
  noise(200_000, 1).copy(disk, 0);
  disk.fill('some text ', 5 * MIB + 1000, 6 * MIB + 77);
  noise(65_536, 2).copy(disk, 32 * MIB - 32_768);
  noise(3_000, 3).copy(disk, disk.length - 3_000);
  return disk;
}

for (const subformat of SUBFORMATS) {
  testWithOracle('qemu-img', `${subformat} of qemu-img reads as what went in`, async ({ 'qemu-img': qemuImg }) => {
    const disk = mixedDisk();
    await using folder = await DiskFolder.with({ 'disk.raw': disk });
    const options = ['-f', 'raw', '-O', 'vmdk', '-o', `subformat=${subformat}`];
    await outputOf(qemuImg, ['convert', ...options, folder.at('disk.raw'), folder.at('a disk.vmdk')]);
    await using image = await folder.open('a disk.vmdk');
    expect([image.format, image.variant, image.virtualSizeBytes]).toEqual(['vmdk', subformat, disk.length]);
    expect(image.checksummed).toBe(subformat === 'streamOptimized');
    expect((await readThroughMap(image)).equals(disk)).toBe(true);
    const next = seededNumbers(11);
    for (let round = 0; round < 40; round++) {
      const from = next() % disk.length;
      const to = Math.min(disk.length, from + (next() % 300_000));
      expect((await readThroughMap(image, from, to)).equals(disk.subarray(from, to))).toBe(true);
    }
  });
}

testWithOracle('qemu-img', 'a disk in several extents of 2 GiB reads as one', async ({ 'qemu-img': qemuImg }) => {
  await using folder = await DiskFolder.with();
  const border = 2048 * MIB;
  const sizeBytes = border + 64 * MIB + 512;
  const text = Buffer.alloc(2 * MIB, 'across the border of two extents ');
  {
    await using handle = await open(folder.at('disk.raw'), 'w');
    await handle.write(text, 0, text.length, border - MIB - 100);
    await handle.truncate(sizeBytes);
  }
  for (const subformat of ['twoGbMaxExtentSparse', 'twoGbMaxExtentFlat']) {
    const options = ['-f', 'raw', '-O', 'vmdk', '-o', `subformat=${subformat}`];
    await outputOf(qemuImg, ['convert', ...options, folder.at('disk.raw'), folder.at(`${subformat}.vmdk`)]);
    await using image = await folder.open(`${subformat}.vmdk`);
    expect([image.files.length, image.virtualSizeBytes]).toEqual([2, sizeBytes]);
    const around = await readThroughMap(image, border - 2 * MIB, border + 2 * MIB);
    expect(around.subarray(MIB - 100, 3 * MIB - 100).equals(text)).toBe(true);
    expect(around.subarray(0, MIB - 100).every((byte) => byte === 0)).toBe(true);
    const runs = await runsOf(image);
    expect(runs.length).toBeLessThan(10);
    if (subformat === 'twoGbMaxExtentFlat') expect(runs.map(({ kind }) => kind)).toEqual(['data', 'data']);
  }
});

/** A chain of three: flat, COWD, seSparse; each child with data, holes and zeros on the other's data. */
testWithOracle('qemu-img', 'a chain of snapshots reads as qemu-img reads it', async ({ 'qemu-img': qemuImg }) => {
  const sectors = 20 * 2048 + 8;
  const grains = (grainBytes: number, seed: number): Map<number, Uint8Array> => {
    const next = seededNumbers(seed);
    const count = (sectors * 512) / grainBytes;
    return new Map(
      Array.from({ length: 300 }, () => {
        // Some side by side, some alone.
        const grain = next() % 2 === 0 ? next() % 64 : next() % count;
        return [grain, noise(grainBytes, next())];
      }),
    );
  };
  const layer = (own: number, type: string, createType: string, parent: number): string =>
    descriptorText({
      createType,
      cid: `0000000${own}`,
      ...(parent === 0 ? {} : { parentCid: `0000000${parent}`, parentName: `${parent}.vmdk` }),
      extents: [`RW ${sectors} ${type} "${own} data.vmdk"`],
    });
  const se: Grains = new Map<number, Uint8Array | 'zero' | 'unmapped'>([
    ...grains(4096, 3),
    [70, 'zero'],
    [71, 'unmapped'],
    [5000, 'zero'],
  ]);
  await using folder = await DiskFolder.with({
    '1.vmdk': layer(1, 'VMFS', 'vmfs', 0),
    '1 data.vmdk': Buffer.alloc(sectors * 512, noise(100_000, 1)),
    '2.vmdk': layer(2, 'VMFSSPARSE', 'vmfsSparse', 1),
    '2 data.vmdk': buildCowd(sectors, grains(512, 2)),
    '3.vmdk': layer(3, 'SESPARSE', 'seSparse', 2),
    '3 data.vmdk': buildSeSparse(sectors, se),
  });
  for (const name of ['2.vmdk', '3.vmdk']) {
    const raw = folder.at('theirs.raw');
    await outputOf(qemuImg, ['convert', '-f', 'vmdk', '-O', 'raw', folder.at(name), raw]);
    await using image = await folder.open(name);
    expect((await readThroughMap(image)).equals(await readFile(raw))).toBe(true);
  }
});

testWithOracle(
  'qemu-img',
  'a child that qemu-img made has its parent, until that is changed',
  async ({ 'qemu-img': qemuImg }) => {
    await using folder = await DiskFolder.with({ 'disk.raw': mixedDisk() });
    const [raw, base, child] = ['disk.raw', 'base.vmdk', 'child.vmdk'].map((name) => folder.at(name)) as [
      string,
      string,
      string,
    ];
    await outputOf(qemuImg, ['convert', '-f', 'raw', '-O', 'vmdk', raw, base]);
    await outputOf(qemuImg, ['create', '-q', '-f', 'vmdk', '-b', 'base.vmdk', '-F', 'vmdk', child]);
    {
      await using image = await folder.open('child.vmdk');
      expect((await readThroughMap(image)).equals(mixedDisk())).toBe(true);
    }
    const bytes = await readFile(base);
    const at = bytes.indexOf('CID=') + 4;
    bytes.write(bytes.toString('latin1', at, at + 1) === '0' ? '1' : '0', at);
    await folder.write('base.vmdk', bytes);
    expect((await refusalOf(folder, 'child.vmdk')).message).toMatch(/was made on a parent with the CID/);
  },
);

testWithOracle(
  'qemu-img',
  'extents made by hand are disks to qemu-img too, of any capacity',
  async ({ 'qemu-img': qemuImg }) => {
    const next = seededNumbers(21);
    await using folder = await DiskFolder.with();
    for (let round = 0; round < 6; round++) {
      const sectors = 1 + (next() % 30_000);
      const grains: Grains = new Map(
        Array.from({ length: 1 + (next() % 20) }, () => {
          const grain = next() % Math.ceil(sectors / 8);
          return [grain, next() % 3 === 0 ? 'zero' : noise(4096, next())];
        }),
      );
      const text = descriptorText({ createType: 'monolithicSparse', extents: [`RW ${sectors} SPARSE "disk.vmdk"`] });
      const path = await folder.write('disk.vmdk', buildHosted(sectors, grains, text));
      await outputOf(qemuImg, ['convert', '-f', 'vmdk', '-O', 'raw', path, folder.at('theirs.raw')]);
      await using image = await folder.open();
      expect((await readThroughMap(image)).equals(await readFile(folder.at('theirs.raw')))).toBe(true);
    }
  },
);
