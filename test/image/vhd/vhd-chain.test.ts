import { copyFile, mkdir, readFile, rename, symlink, writeFile } from 'node:fs/promises';
import { join } from 'node:path';
import { expect } from '@jest/globals';
import { openImage } from '../../../src/image/open-image.ts';
import { testWithOracle } from '../../oracles/oracle.ts';
import { failureOf } from '../failure-of.ts';
import { convertDisk, inFolder, noise, writeDisk } from '../qemu-made.ts';
import { readThroughMap } from '../read-through-map.ts';
import { blockAt, differencingVhd, type ParentOfVhd } from './vhd-files.ts';

const MIB = 2 ** 20;

/**
 * Creates a chain in `folder`/vms: a parent with 6 MiB of noise, and a child. The child has only block 1, and of it
 * only sectors 8 to 15.
 */
async function makeChain(qemuImg: string, folder: string, how: Omit<ParentOfVhd, 'id'>, id?: Buffer): Promise<string> {
  const vms = join(folder, 'vms');
  await mkdir(vms, { recursive: true });
  const [raw, parent, child] = [join(folder, 'disk.raw'), join(vms, 'parent.vhd'), join(vms, 'child.vhd')];
  const options = { options: 'subformat=dynamic,force_size=on' };
  await writeDisk(raw, 6 * MIB, new Map([[0, noise(6 * MIB, 1)]]));
  await convertDisk(qemuImg, [raw, parent], 'vpc', options);
  await writeDisk(raw, 6 * MIB, new Map([[2 * MIB, noise(2 * MIB, 2)]]));
  await convertDisk(qemuImg, [raw, child], 'vpc', options);
  const dynamic = await readFile(child);
  dynamic.fill(0, blockAt(dynamic, 1), blockAt(dynamic, 1) + 512)[blockAt(dynamic, 1) + 1] = 0xff;
  const parentId = id ?? (await readFile(parent)).subarray(68, 84);
  await writeFile(child, differencingVhd(dynamic, { id: parentId, ...how }));
  return child;
}

for (const [where, how] of Object.entries({
  'a relative path': { relative: '.\\parent.vhd' },
  'an absolute path of another machine': { absolute: 'C:\\VMs\\here\\parent.vhd' },
  'its header’s name': { name: 'parent.vhd' },
  'the second of two names': { relative: 'not-there.vhd', absolute: 'D:\\parent.vhd' },
})) {
  testWithOracle('qemu-img', `a child finds its parent by ${where}`, async ({ 'qemu-img': qemuImg }) => {
    await inFolder(async (folder) => {
      const child = await makeChain(qemuImg, folder, how);
      const wanted = noise(6 * MIB, 1);
      noise(2 * MIB, 2).copy(wanted, 2 * MIB + 8 * 512, 8 * 512, 16 * 512);
      await using image = await openImage(child);
      expect([image.variant, image.files.length]).toEqual(['differencing', 2]);
      expect((await readThroughMap(image)).equals(wanted)).toBe(true);
    });
  });
}

testWithOracle('qemu-img', 'refuses a parent that is another disk', async ({ 'qemu-img': qemuImg }) => {
  await inFolder(async (folder) => {
    const child = await makeChain(qemuImg, folder, { relative: 'parent.vhd' }, Buffer.alloc(16, 7));
    const { kind, message } = await failureOf(child);
    expect([kind, message]).toEqual([
      'image',
      expect.stringMatching(/parent\.vhd has the unique ID .* but the child was created with 0707/),
    ]);
  });
});

testWithOracle('qemu-img', 'refuses a parent that is missing, or no VHD', async ({ 'qemu-img': qemuImg }) => {
  await inFolder(async (folder) => {
    const child = await makeChain(qemuImg, folder, { relative: 'parent.vhd' });
    const parent = join(folder, 'vms', 'parent.vhd');
    await rename(parent, join(folder, 'parent.vhd'));
    expect((await failureOf(child)).message).toMatch(/needs its parent "parent.vhd", which does not exist/);
    await writeFile(parent, Buffer.alloc(4096));
    expect((await failureOf(child)).message).toMatch(/parent\.vhd cannot be read as VHD/);
  });
});

testWithOracle('qemu-img', 'reads no parent outside of the folder, nor through a link', async (paths) => {
  await inFolder(async (folder) => {
    for (const relative of [
      '..\\parent.vhd',
      '../parent.vhd',
      join(folder, 'parent.vhd'),
      'link.vhd',
      '..\\none.vhd',
    ]) {
      const child = await makeChain(paths['qemu-img'], folder, { relative });
      await copyFile(join(folder, 'vms', 'parent.vhd'), join(folder, 'parent.vhd'));
      await symlink('../parent.vhd', join(folder, 'vms', 'link.vhd')).catch(() => undefined);
      const { kind, message } = await failureOf(child);
      expect([kind, message]).toEqual(['image', expect.stringMatching(/as its parent, which is outside its folder/)]);
    }
  });
});

testWithOracle('qemu-img', 'refuses a disk that is its own parent', async ({ 'qemu-img': qemuImg }) => {
  await inFolder(async (folder) => {
    const child = await makeChain(qemuImg, folder, { relative: 'child.vhd' });
    expect((await failureOf(child)).message).toMatch(/contains a loop/);
  });
});
