import { join } from 'node:path';
import { expect } from '@jest/globals';
import { openImage } from '../../../src/image/open-image.ts';
import { testWithOracle } from '../../oracles/oracle.ts';
import { outputOf } from '../../oracles/run-program.ts';
import { convertDisk, DISKS, expectAsQemuReads, inFolder, noise, writeDisk } from '../qemu-made.ts';
import { readThroughMap, runsOf } from '../read-through-map.ts';

const TIB = 2 ** 40;

testWithOracle('qemu-img', 'reads what qemu-img reads, fixed and dynamic', async ({ 'qemu-img': qemuImg }) => {
  await inFolder(async (folder) => {
    const [raw, path] = [join(folder, 'disk.raw'), join(folder, 'disk.vhdx')];
    for (const [name, { sizeBytes, pieces }] of Object.entries(DISKS)) {
      await writeDisk(raw, sizeBytes, pieces);
      for (const subformat of name === 'mixed' ? ['fixed', 'dynamic'] : ['dynamic']) {
        for (const blocks of ['1M', '8M']) {
          const options = `subformat=${subformat},block_size=${blocks},log_size=1M`;
          await convertDisk(qemuImg, [raw, path], 'vhdx', { options });
          await expectAsQemuReads(qemuImg, path, 'vhdx');
          await using image = await openImage(path);
          expect(image.variant).toBe(subformat);
        }
      }
    }
  });
});

testWithOracle('qemu-img', 'maps huge sparse disks at once', async ({ 'qemu-img': qemuImg }) => {
  await inFolder(async (folder) => {
    const [raw, path, empty] = [join(folder, 'disk.raw'), join(folder, 'disk.vhdx'), join(folder, 'empty.vhdx')];
    const last = noise(4096, 3);
    await writeDisk(raw, 2 * TIB, new Map([[2 * TIB - 4096, last]]));
    await convertDisk(qemuImg, [raw, path], 'vhdx', { options: 'block_size=1M' });
    await using sparse = await openImage(path);
    expect(await readThroughMap(sparse, 2 * TIB - 4096)).toEqual(last);
    expect((await runsOf(sparse)).map(({ kind }) => kind)).toEqual(['zero', 'data']);

    await outputOf(qemuImg, ['create', '-q', '-f', 'vhdx', empty, `${64 * TIB}`]);
    const before = performance.now();
    await using huge = await openImage(empty);
    expect(await runsOf(huge)).toEqual([{ kind: 'zero', offsetBytes: 0, lengthBytes: 64 * TIB }]);
    // It takes a third of a second at most; the rest is for a machine that is busy with other tests.
    expect(performance.now() - before).toBeLessThan(3000);
  });
});
