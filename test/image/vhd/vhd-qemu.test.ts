import { join } from 'node:path';
import { expect } from '@jest/globals';
import { openImage } from '../../../src/image/open-image.ts';
import { testWithOracle } from '../../oracles/oracle.ts';
import { outputOf } from '../../oracles/run-program.ts';
import { convertDisk, DISKS, expectAsQemuReads, inFolder, noise, writeDisk } from '../qemu-made.ts';
import { readThroughMap, runsOf } from '../read-through-map.ts';

const GIB = 2 ** 30;

testWithOracle('qemu-img', 'reads what qemu-img reads, fixed and dynamic', async ({ 'qemu-img': qemuImg }) => {
  await inFolder(async (folder) => {
    const [raw, path] = [join(folder, 'disk.raw'), join(folder, 'disk.vhd')];
    for (const { sizeBytes, pieces } of Object.values(DISKS)) {
      await writeDisk(raw, sizeBytes, pieces);
      for (const subformat of ['fixed', 'dynamic']) {
        for (const size of ['on', 'off']) {
          await convertDisk(qemuImg, [raw, path], 'vpc', { options: `subformat=${subformat},force_size=${size}` });
          await expectAsQemuReads(qemuImg, path, 'vpc');
          await using image = await openImage(path);
          expect(image.variant).toBe(subformat);
        }
      }
    }
  });
});

testWithOracle('qemu-img', 'maps huge sparse disks at once', async ({ 'qemu-img': qemuImg }) => {
  await inFolder(async (folder) => {
    const [raw, path, empty] = [join(folder, 'disk.raw'), join(folder, 'disk.vhd'), join(folder, 'empty.vhd')];
    const last = noise(4096, 3);
    await writeDisk(raw, 2000 * GIB, new Map([[2000 * GIB - 4096, last]]));
    await convertDisk(qemuImg, [raw, path], 'vpc');
    await using sparse = await openImage(path);
    expect(await readThroughMap(sparse, 2000 * GIB - 4096, 2000 * GIB)).toEqual(last);
    expect((await runsOf(sparse)).map(({ kind }) => kind)).toEqual(['zero', 'data']);

    // 2,040 GiB are what qemu takes at most.
    await outputOf(qemuImg, ['create', '-q', '-f', 'vpc', '-o', 'force_size=on', empty, `${2040 * GIB}`]);
    const before = performance.now();
    await using huge = await openImage(empty);
    expect(await runsOf(huge)).toEqual([{ kind: 'zero', offsetBytes: 0, lengthBytes: 2040 * GIB }]);
    // It takes a third of a second at most; the rest is for a machine that is busy with other tests.
    expect(performance.now() - before).toBeLessThan(3000);
  });
});
