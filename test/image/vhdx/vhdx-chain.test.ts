import { mkdir, readFile, writeFile } from 'node:fs/promises';
import { join } from 'node:path';
import { expect } from '@jest/globals';
import { openImage } from '../../../src/image/open-image.ts';
import { testWithOracle } from '../../oracles/oracle.ts';
import { failureOf } from '../failure-of.ts';
import { convertDisk, inFolder, noise, patch, writeDisk } from '../qemu-made.ts';
import { readThroughMap } from '../read-through-map.ts';
import { batAt, dataWriteGuid, differencingVhdx } from './vhdx-files.ts';

const MIB = 2 ** 20;
const OPTIONS = { options: 'block_size=1M,log_size=1M' };

/**
 * Creates a parent with 4 MiB of noise, and a child. The child has all of block 1, and sectors 0 and 16 to 23 of block
 * 2.
 */
async function makeChain(qemuImg: string, folder: string, values: Readonly<Record<string, string>>): Promise<string> {
  const [raw, parent, child] = ['disk.raw', 'parent.vhdx', 'child.vhdx'].map((name) => join(folder, name)) as [
    string,
    string,
    string,
  ];
  await mkdir(folder, { recursive: true });
  await writeDisk(raw, 4 * MIB, new Map([[0, noise(4 * MIB, 1)]]));
  await convertDisk(qemuImg, [raw, parent], 'vhdx', OPTIONS);
  await writeDisk(raw, 4 * MIB, new Map([[MIB, noise(2 * MIB, 2)]]));
  await convertDisk(qemuImg, [raw, child], 'vhdx', OPTIONS);
  const bitmap = Buffer.alloc(256);
  bitmap[0] = 1;
  bitmap[2] = 0xff;
  const linkage = { parent_linkage: dataWriteGuid(await readFile(parent)).text };
  const bytes = differencingVhdx(await readFile(child), { ...linkage, ...values }, new Map([[2, bitmap]]));
  await writeFile(child, bytes);
  return child;
}

for (const [where, values] of Object.entries({
  'a relative path': { relative_path: '.\\parent.vhdx' },
  'an absolute path of another machine': { absolute_win32_path: 'C:\\VMs\\parent.vhdx' },
})) {
  testWithOracle('qemu-img', `a child finds its parent by ${where}`, async ({ 'qemu-img': qemuImg }) => {
    await inFolder(async (folder) => {
      const child = await makeChain(qemuImg, folder, values);
      const wanted = noise(4 * MIB, 1);
      const own = noise(2 * MIB, 2);
      own.copy(wanted, MIB, 0, MIB + 512);
      own.copy(wanted, 2 * MIB + 16 * 512, MIB + 16 * 512, MIB + 24 * 512);
      await using image = await openImage(child);
      expect([image.variant, image.files.length]).toEqual(['differencing', 2]);
      expect((await readThroughMap(image)).equals(wanted)).toBe(true);
    });
  });
}

testWithOracle('qemu-img', 'refuses a parent whose content has changed', async ({ 'qemu-img': qemuImg }) => {
  await inFolder(async (folder) => {
    const parent_linkage = '{00000000-1111-2222-3333-444444444444}';
    const child = await makeChain(qemuImg, folder, { relative_path: 'parent.vhdx', parent_linkage });
    expect((await failureOf(child)).message).toMatch(
      /has the content .*, but the child was created with 00000000-1111-2222-3333-444444444444/,
    );
  });
});

testWithOracle('qemu-img', 'refuses a parent outside of the folder, a circle, a missing one', async (paths) => {
  await inFolder(async (folder) => {
    const failure = async (relative_path: string): Promise<string> =>
      (await failureOf(await makeChain(paths['qemu-img'], join(folder, 'vms'), { relative_path }))).message;
    expect(await failure('..\\parent.vhdx')).toMatch(/outside its folder/);
    expect(await failure('child.vhdx')).toMatch(/contains a loop/);
    expect(await failure('none.vhdx')).toMatch(/needs its parent "none.vhdx", which does not exist/);
  });
});

testWithOracle('qemu-img', 'refuses a partly present block without its bitmap', async ({ 'qemu-img': qemuImg }) => {
  await inFolder(async (folder) => {
    const child = await makeChain(qemuImg, folder, { relative_path: 'parent.vhdx' });
    await patch(child, (bytes) => (bytes[batAt(bytes) + 4096 * 8] = 0));
    expect((await failureOf(child)).message).toMatch(/the bitmap of a partly present block is missing/);
  });
});
