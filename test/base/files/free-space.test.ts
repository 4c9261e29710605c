import { chmod, readdir, rm, statfs, writeFile } from 'node:fs/promises';
import { join } from 'node:path';
import { afterAll, beforeAll, expect, test } from '@jest/globals';
import { checkNames, checkWritable, freeBytes, nearestFolder } from '../../../src/base/files/free-space.ts';
import { makeTemporaryFolder } from '../../temporary-folder.ts';

let folder = '';
beforeAll(async () => void (folder = await makeTemporaryFolder('h2k-free-')));
afterAll(() => rm(folder, { recursive: true }));

test('free space is asked of the nearest folder that exists', async () => {
  expect(await nearestFolder(join(folder, 'not', 'yet', 'there'))).toBe(folder);
  const { bavail, bsize } = await statfs(folder);
  const free = await freeBytes(join(folder, 'not', 'yet', 'there'));
  expect(Math.abs(free - bavail * bsize)).toBeLessThan(2 ** 32);
});

test('a folder that can be written passes and nothing is left in it', async () => {
  await checkWritable(join(folder, 'later'));
  expect(await readdir(folder)).toEqual([]);
});

test('a file in the way is named', async () => {
  await writeFile(join(folder, 'file'), '');
  const error = { kind: 'local-file', message: `${join(folder, 'file')} is not a folder.` };
  await expect(checkWritable(join(folder, 'file', 'below'))).rejects.toMatchObject(error);
  await rm(join(folder, 'file'));
});

// In /proc nobody can create a file, not even root.
test('a place that takes no file is refused', async () => {
  await chmod(folder, 0o700);
  await expect(checkWritable('/proc')).rejects.toMatchObject({ kind: 'local-file' });
});

test('a name that the file system cannot hold is told, that of a folder to be made too, and nothing is left', async () => {
  const long = 'x'.repeat(256);
  const error = {
    kind: 'local-file',
    hint: 'Rename.',
    message: expect.stringMatching(/cannot hold .*\(ENAMETOOLONG\)/),
  };
  await expect(checkNames(folder, ['short', long], 'Rename.')).rejects.toMatchObject(error);
  await expect(checkNames(join(folder, long, 'below'), ['short'], 'Rename.')).rejects.toMatchObject(error);
  await checkNames(join(folder, 'new'), ['a:b', 'ä', 'same', 'same', 'plain'], 'Rename.');
  expect(await readdir(folder)).toEqual([]);
});
