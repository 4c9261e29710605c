import { join } from 'node:path';
import { expect } from '@jest/globals';
import { openImage } from '../../../src/image/open-image.ts';
import { testWithOracle } from '../../oracles/oracle.ts';
import { convertDisk, expectAsQemuReads, inFolder, noise, writeDisk } from '../qemu-made.ts';

const MIB = 2 ** 20;

testWithOracle('qemu-img', 'a disk by qemu or Virtual PC has the size of its geometry', async (paths) => {
  await inFolder(async (folder) => {
    const [raw, path] = [join(folder, 'disk.raw'), join(folder, 'disk.vhd')];
    await writeDisk(raw, 3 * MIB, new Map([[2 * MIB, noise(MIB, 1)]]));
    for (const subformat of ['fixed', 'dynamic']) {
      await convertDisk(paths['qemu-img'], [raw, path], 'vpc', { options: `subformat=${subformat},force_size=off` });
      await expectAsQemuReads(paths['qemu-img'], path, 'vpc');
      await using image = await openImage(path);
      // The geometry has 91 cylinders, 4 heads and 17 sectors per track.
      expect([image.variant, image.virtualSizeBytes]).toEqual([subformat, 91 * 4 * 17 * 512]);
    }
  });
});
