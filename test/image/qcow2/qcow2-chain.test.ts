import { spawnSync } from 'node:child_process';
import { mkdir, readFile, symlink, writeFile } from 'node:fs/promises';
import { join } from 'node:path';
import { expect } from '@jest/globals';
import { openImage } from '../../../src/image/open-image.ts';
import { testWithOracle } from '../../oracles/oracle.ts';
import { outputOf } from '../../oracles/run-program.ts';
import { failureOf } from '../failure-of.ts';
import { convertDisk, inFolder, noise, patch, writeDisk } from '../qemu-made.ts';
import { readThroughMap, runsOf } from '../read-through-map.ts';

const MIB = 2 ** 20;

/** Creates an image at `path` with the backing file `backing`, which need not exist. */
async function child(qemuImg: string, path: string, backing: string, format: string): Promise<void> {
  const options = `backing_file=${backing},backing_fmt=${format}`;
  await outputOf(qemuImg, ['create', '-q', '-u', '-f', 'qcow2', '-o', options, path, `${MIB}`]);
}

testWithOracle(
  'qemu-img',
  'a backing file can have any format, and be named by a path in the folder',
  async (paths) => {
    await inFolder(async (folder) => {
      await mkdir(join(folder, 'sub'));
      const [raw, top] = [join(folder, 'disk.raw'), join(folder, 'top.qcow2')];
      await writeDisk(raw, MIB, new Map([[0, noise(MIB, 1)]]));
      for (const format of ['raw', 'qcow2', 'vmdk', 'vpc', 'vhdx', 'vdi'] as const) {
        for (const name of [`base.${format}`, join(folder, `base.${format}`), `sub/base.${format}`]) {
          const base = name.startsWith('/') ? name : join(folder, name);
          const options = format === 'vpc' ? { options: 'force_size=on' } : {};
          await convertDisk(paths['qemu-img'], [raw, base], format, options);
          await child(paths['qemu-img'], top, name, format);
          await using image = await openImage(top);
          expect(image.files.length).toBe(2);
          expect((await readThroughMap(image)).equals(noise(MIB, 1))).toBe(true);
        }
      }
    });
  },
);

testWithOracle('qemu-img', 'a parent in a subfolder finds its own beside it', async ({ 'qemu-img': qemuImg }) => {
  await inFolder(async (folder) => {
    await mkdir(join(folder, 'sub'));
    await writeDisk(join(folder, 'sub', 'base.raw'), MIB, new Map([[0, noise(MIB, 1)]]));
    await child(qemuImg, join(folder, 'sub', 'middle.qcow2'), 'base.raw', 'raw');
    await child(qemuImg, join(folder, 'top.qcow2'), 'sub/middle.qcow2', 'qcow2');
    await using image = await openImage(join(folder, 'top.qcow2'));
    expect((await readThroughMap(image)).equals(noise(MIB, 1))).toBe(true);
  });
});

testWithOracle('qemu-img', 'a declared raw parent stays raw, whatever its guest wrote', async (paths) => {
  await inFolder(async (folder) => {
    const [base, top, secret] = ['base.raw', 'top.qcow2', 'secret'].map((name) => join(folder, name)) as [
      string,
      string,
      string,
    ];
    await writeFile(secret, 'secret');
    await child(paths['qemu-img'], base, 'secret', 'raw');
    await child(paths['qemu-img'], top, 'base.raw', 'raw');
    const wanted = await readFile(base);
    await using image = await openImage(top);
    expect(image.files.map(({ path }) => path)).toEqual([top, base]);
    expect(await readThroughMap(image, 0, wanted.length)).toEqual(wanted);
  });
});

testWithOracle('qemu-img', 'a parent without a declared format is probed, and never taken for raw', async (paths) => {
  await inFolder(async (folder) => {
    const [top, base] = [join(folder, 'top.qcow2'), join(folder, 'base')];
    await child(paths['qemu-img'], top, 'base', 'qcow2');
    // Replaces the backing format extension with one of an unknown type.
    await patch(top, (bytes) => bytes.writeUInt32BE(0x1234_5678, bytes.indexOf(Buffer.from('e2792aca', 'hex'))));
    await writeDisk(base, MIB, new Map([[0, noise(MIB, 1)]]));
    expect((await failureOf(top)).message).toMatch(/does not specify the format of its backing file .*base, and/);
    await outputOf(paths['qemu-img'], ['create', '-q', '-f', 'qcow2', base, `${MIB}`]);
    await using image = await openImage(top);
    expect(await runsOf(image)).toEqual([{ kind: 'zero', offsetBytes: 0, lengthBytes: MIB }]);
  });
});

testWithOracle('qemu-img', 'reads nothing outside of the folder', async ({ 'qemu-img': qemuImg }) => {
  await inFolder(async (outside) => {
    const folder = join(outside, 'vms');
    await mkdir(join(folder, 'sub'), { recursive: true });
    const top = join(folder, 'top.qcow2');
    await writeDisk(join(outside, 'base.raw'), MIB, new Map());
    await symlink('../base.raw', join(folder, 'link.raw'));
    await symlink('..', join(folder, 'linked-folder'));
    const names = [
      '../base.raw',
      join(outside, 'base.raw'),
      'link.raw',
      'linked-folder/base.raw',
      'sub/../../base.raw',
    ];
    for (const name of [...names, '../none.raw', '/none/at/all', '..']) {
      await child(qemuImg, top, name, 'raw');
      const { kind, message } = await failureOf(top);
      expect([kind, message]).toEqual(['image', expect.stringMatching(/which is outside its folder/)]);
    }
  });
});

testWithOracle('qemu-img', 'refuses parents that are no files', async ({ 'qemu-img': qemuImg }) => {
  await inFolder(async (folder) => {
    const top = join(folder, 'top.qcow2');
    await mkdir(join(folder, 'sub'));
    spawnSync('mkfifo', [join(folder, 'pipe')]);
    for (const [name, message] of [
      ['sub', /sub is not a regular file/],
      ['pipe', /pipe is not a regular file/],
      ['none', /needs its parent "none", which does not exist/],
      ['nbd:localhost:10809', /"nbd:localhost:10809" is not given as a path/],
      ['json:{"driver":"null-co"}', /is not given as a path/],
    ] as const) {
      await child(qemuImg, top, 'x'.repeat(name.length), 'raw');
      await patch(top, (bytes) => bytes.write(name, Number(bytes.readBigUInt64BE(8))));
      const { kind, message: sentence } = await failureOf(top);
      expect([kind, sentence]).toEqual(['image', expect.stringMatching(message)]);
    }
    expect((await failureOf(join(folder, 'pipe'))).message).toMatch(/is not a regular file or block device/);
    expect((await failureOf(join(folder, 'gone'))).kind).toBe('local-file');
  });
});

testWithOracle(
  'qemu-img',
  'refuses a format that it does not know, and a name outside of the first cluster',
  async (paths) => {
    await inFolder(async (folder) => {
      const top = join(folder, 'top.qcow2');
      await child(paths['qemu-img'], top, 'base.qed', 'qed');
      expect((await failureOf(top)).message).toMatch(/has the format "qed", which is not supported/);
      await patch(top, (bytes) => bytes.writeUInt32BE(1024, 16));
      expect((await failureOf(top)).message).toMatch(/the name of its backing file is not in its first cluster/);
    });
  },
);

testWithOracle('qemu-img', 'refuses circles, and chains of more than 64 images', async ({ 'qemu-img': qemuImg }) => {
  await inFolder(async (folder) => {
    const path = (number: number): string => join(folder, `${number}.qcow2`);
    await child(qemuImg, path(1), '1.qcow2', 'qcow2');
    expect((await failureOf(path(1))).message).toMatch(/contains a loop/);
    await child(qemuImg, path(1), '2.qcow2', 'qcow2');
    await child(qemuImg, path(2), '1.qcow2', 'qcow2');
    expect((await failureOf(path(1))).message).toMatch(/contains a loop/);

    await child(qemuImg, path(0), '10.qcow2', 'qcow2');
    const template = await readFile(path(0));
    for (let number = 10; number < 74; number++) {
      template.write(`${number + 1}.qcow2`, Number(template.readBigUInt64BE(8)));
      await writeFile(path(number), template);
    }
    await outputOf(qemuImg, ['create', '-q', '-f', 'qcow2', path(74), `${MIB}`]);
    expect((await failureOf(path(10))).message).toMatch(/has a backing chain of more than 64 images/);
    await using longest = await openImage(path(11));
    expect(longest.files.length).toBe(64);
    expect(await runsOf(longest)).toEqual([{ kind: 'zero', offsetBytes: 0, lengthBytes: MIB }]);
  });
});
