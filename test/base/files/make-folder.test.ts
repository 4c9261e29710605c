import { chmod, mkdir, readdir, rm, stat, symlink, writeFile } from 'node:fs/promises';
import { join } from 'node:path';
import { afterEach, beforeEach, expect, test } from '@jest/globals';
import { testUnless } from '../../oracles/skips.ts';
import { makeFolder } from '../../../src/base/files/make-folder.ts';
import { makeTemporaryFolder } from '../../temporary-folder.ts';

let scratch = '';
beforeEach(async () => {
  scratch = await makeTemporaryFolder('h2k-folder-');
});
afterEach(() => rm(scratch, { recursive: true }));

test('makes the parents that are missing with the same mode, and returns the topmost one', async () => {
  const folder = join(scratch, 'a', 'b', 'c');
  expect(await makeFolder(folder, { mode: 0o700 })).toBe(join(scratch, 'a'));
  for (const made of ['a', 'a/b', 'a/b/c']) expect((await stat(join(scratch, made))).mode & 0o777).toBe(0o700);
  expect(await makeFolder(folder)).toBeUndefined();
  expect(await makeFolder(join(folder, 'd'))).toBe(join(folder, 'd'));
});

test('takes a link to a folder, and what another process makes meanwhile, for the folder', async () => {
  await mkdir(join(scratch, 'real'));
  await symlink(join(scratch, 'real'), join(scratch, 'link'));
  expect(await makeFolder(join(scratch, 'link'))).toBeUndefined();
  const many = Array.from({ length: 8 }, () => makeFolder(join(scratch, 'x', 'y', 'z')));
  await Promise.all(many);
  expect((await stat(join(scratch, 'x', 'y', 'z'))).isDirectory()).toBe(true);
});

test('refuses what is in the way', async () => {
  await writeFile(join(scratch, 'file'), '');
  for (const path of ['file', 'file/below'])
    await expect(makeFolder(join(scratch, path))).rejects.toMatchObject({ kind: 'local-file' });
});

// Node's recursive mkdir never returns in this case.
testUnless(
  process.platform === 'linux' ? undefined : { missing: 'Linux' },
  'ends where mkdir says ENOENT below an existing folder',
  async () => {
    for (const path of ['/proc/none', '/proc/none/a/b', '/sys/none/a']) {
      await expect(makeFolder(path)).rejects.toMatchObject({
        kind: 'local-file',
        message: expect.stringContaining(`Could not make the folder ${path}: `),
      });
    }
  },
);

testUnless(
  process.getuid?.() === 0 ? { missing: 'a user other than root' } : undefined,
  'refuses where there is no right to write',
  async () => {
    await chmod(scratch, 0o500);
    await expect(makeFolder(join(scratch, 'a', 'b'))).rejects.toMatchObject({ kind: 'local-file' });
    await chmod(scratch, 0o700);
  },
);

test('makes folders in one parent that is missing, all at once', async () => {
  for (let round = 0; round < 50; round += 1) {
    const folders = Array.from({ length: 20 }, (_, vm) => join(scratch, `out-${round}`, 'vms', `vm-${vm}`));
    // The calls are staggered: one checks the parent just after another has created it.
    const made = await Promise.all(
      folders.map(async (folder, vm) => {
        for (let turn = 0; turn < vm % 7; turn += 1) await stat(scratch);
        return makeFolder(folder);
      }),
    );
    expect(made.filter((topmost) => topmost === undefined)).toEqual([]);
    expect((await readdir(join(scratch, `out-${round}`, 'vms'))).length).toBe(20);
  }
});
