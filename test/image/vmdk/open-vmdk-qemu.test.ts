import { mkdtemp, open, rm, writeFile } from 'node:fs/promises';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { expect } from '@jest/globals';
import { openVmdk } from '../../../src/image/vmdk/open-vmdk.ts';
import { testWithOracle } from '../../oracles/oracle.ts';
import { outputOf } from '../../oracles/run-program.ts';
import { readThroughMap, runsOf } from '../read-through-map.ts';
import { noise, seededNumbers } from './check-bytes.ts';

const MIB = 1 << 20;
const SUBFORMATS = [
  'monolithicSparse',
  'streamOptimized',
  'monolithicFlat',
  'twoGbMaxExtentSparse',
  'twoGbMaxExtentFlat',
] as const;

/** Runs `work` with a folder that is gone afterwards. */
async function inFolder(work: (folder: string) => Promise<void>): Promise<void> {
  const folder = await mkdtemp(join(tmpdir(), 'h2k-vmdk-'));
  try {
    await work(folder);
  } finally {
    await rm(folder, { recursive: true });
  }
}

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
    await inFolder(async (folder) => {
      const disk = mixedDisk();
      const [raw, vmdk] = [join(folder, 'disk.raw'), join(folder, 'a disk.vmdk')];
      await writeFile(raw, disk);
      await outputOf(qemuImg, ['convert', '-f', 'raw', '-O', 'vmdk', '-o', `subformat=${subformat}`, raw, vmdk]);
      await using image = await openVmdk(vmdk);
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
  });
}

testWithOracle('qemu-img', 'a disk in several extents of 2 GiB reads as one', async ({ 'qemu-img': qemuImg }) => {
  await inFolder(async (folder) => {
    const raw = join(folder, 'disk.raw');
    const border = 2048 * MIB;
    const sizeBytes = border + 64 * MIB + 512;
    const text = Buffer.alloc(2 * MIB, 'across the border of two extents ');
    const handle = await open(raw, 'w');
    await handle.write(text, 0, text.length, border - MIB - 100);
    await handle.truncate(sizeBytes);
    await handle.close();
    for (const subformat of ['twoGbMaxExtentSparse', 'twoGbMaxExtentFlat']) {
      const vmdk = join(folder, `${subformat}.vmdk`);
      await outputOf(qemuImg, ['convert', '-f', 'raw', '-O', 'vmdk', '-o', `subformat=${subformat}`, raw, vmdk]);
      await using image = await openVmdk(vmdk);
      expect([image.files.length, image.virtualSizeBytes]).toEqual([2, sizeBytes]);
      const around = await readThroughMap(image, border - 2 * MIB, border + 2 * MIB);
      expect(around.subarray(MIB - 100, 3 * MIB - 100).equals(text)).toBe(true);
      expect(around.subarray(0, MIB - 100).every((byte) => byte === 0)).toBe(true);
      const runs = await runsOf(image);
      expect(runs.every(({ kind }) => kind === (subformat === 'twoGbMaxExtentFlat' ? 'data' : kind))).toBe(true);
      expect(runs.length).toBeLessThan(10);
    }
  });
});
