import { readFile } from 'node:fs/promises';
import { expect } from '@jest/globals';
import { testWithOracle } from '../../oracles/oracle.ts';
import { outputOf } from '../../oracles/run-program.ts';
import { readThroughMap } from '../read-through-map.ts';
import { noise, seededNumbers } from './check-bytes.ts';
import { DiskFolder, refusalOf } from './disk-folder.ts';
import { buildCowd, buildHosted, buildSeSparse, descriptorText, type Grains } from './sparse-builder.ts';

const MIB = 1 << 20;

/**
 * A chain of three disks: flat, COWD and seSparse. Each child has data, holes, and zeros over the data of its parent.
 */
testWithOracle('qemu-img', 'a chain of snapshots reads as qemu-img reads it', async ({ 'qemu-img': qemuImg }) => {
  const sectors = 20 * 2048 + 8;
  const grains = (grainBytes: number, seed: number): Map<number, Uint8Array> => {
    const next = seededNumbers(seed);
    const count = (sectors * 512) / grainBytes;
    return new Map(
      Array.from({ length: 300 }, () => {
        // Some grains are adjacent, others are not.
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
    const disk = Buffer.concat([noise(200_000, 1), Buffer.alloc(2 * MIB), noise(65_536, 2)], 3 * MIB);
    await using folder = await DiskFolder.with({ 'disk.raw': disk });
    const [raw, base, child] = ['disk.raw', 'base.vmdk', 'child.vmdk'].map((name) => folder.at(name)) as [
      string,
      string,
      string,
    ];
    await outputOf(qemuImg, ['convert', '-f', 'raw', '-O', 'vmdk', raw, base]);
    await outputOf(qemuImg, ['create', '-q', '-f', 'vmdk', '-b', 'base.vmdk', '-F', 'vmdk', child]);
    {
      await using image = await folder.open('child.vmdk');
      expect((await readThroughMap(image)).equals(disk)).toBe(true);
    }
    const bytes = await readFile(base);
    const at = bytes.indexOf('CID=') + 4;
    bytes.write(bytes.toString('latin1', at, at + 1) === '0' ? '1' : '0', at);
    await folder.write('base.vmdk', bytes);
    expect((await refusalOf(folder, 'child.vmdk')).message).toMatch(/was created on a parent with the CID/);
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
