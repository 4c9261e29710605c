import { join } from 'node:path';
import { expect } from '@jest/globals';
import { openImage } from '../../../src/image/open-image.ts';
import { testWithOracle } from '../../oracles/oracle.ts';
import { outputOf } from '../../oracles/run-program.ts';
import { expectAsQemuReads, inFolder, noise, writeDisk } from '../qemu-made.ts';
import { runsOf } from '../read-through-map.ts';

const MIB = 1024 * 1024;

testWithOracle('qemu-img', 'a chain reads through to its oldest image', async ({ 'qemu-img': qemuImg }) => {
  await inFolder(async (folder) => {
    const names = ['base.raw', 'middle.qcow2', 'top.qcow2'].map((name) => join(folder, name));
    const [base = '', middle = '', top = ''] = names;
    // The base is smaller than its overlay.
    await writeDisk(base, 5 * MIB, new Map([[0, noise(5 * MIB, 1)]]));
    const change = async (image: string, at: number, bytes: Buffer): Promise<void> => {
      const patch = join(folder, 'patch.raw');
      await writeDisk(patch, bytes.length, new Map([[0, bytes]]));
      const target = `driver=raw,offset=${at},size=${bytes.length},file.driver=qcow2,file.file.filename=${image}`;
      await outputOf(qemuImg, ['convert', '-n', '-f', 'raw', patch, '--target-image-opts', target]);
    };
    for (const extended of ['off', 'on']) {
      await outputOf(qemuImg, ['create', '-q', '-f', 'qcow2', '-F', 'raw', '-b', 'base.raw', middle, `${8 * MIB}`]);
      const options = ['-o', `cluster_size=128k,extended_l2=${extended}`];
      await outputOf(qemuImg, ['create', '-q', '-f', 'qcow2', '-F', 'qcow2', ...options, '-b', 'middle.qcow2', top]);
      await change(middle, MIB + 4096, noise(MIB, 2));
      await change(top, 2 * MIB, noise(8192, 3));
      await change(top, 3 * MIB, Buffer.alloc(MIB));
      await change(top, 7 * MIB + 65_536, noise(4096, 4));
      await expectAsQemuReads(qemuImg, top, 'qcow2');
      await expectAsQemuReads(qemuImg, middle, 'qcow2');
      await using image = await openImage(top);
      expect(image.files.map(({ path }) => path)).toEqual([top, middle, base]);
      const used = (await runsOf(image)).map((run) => (run.kind === 'data' ? run.file : undefined));
      expect(new Set(used)).toEqual(new Set([0, 1, 2, undefined]));
    }
  });
});

testWithOracle('qemu-img', 'a disk of no size has no runs', async ({ 'qemu-img': qemuImg }) => {
  await inFolder(async (folder) => {
    const path = join(folder, 'none.qcow2');
    await outputOf(qemuImg, ['create', '-q', '-f', 'qcow2', path, '0']);
    await using image = await openImage(path);
    expect(await runsOf(image)).toEqual([]);
  });
});
