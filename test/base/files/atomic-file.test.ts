import { mkdir, readFile, readdir, rm, stat } from 'node:fs/promises';
import { join } from 'node:path';
import { afterAll, beforeAll, expect, test } from '@jest/globals';
import { writeFileAtomically } from '../../../src/base/files/atomic-file.ts';
import { makeTemporaryFolder } from '../../temporary-folder.ts';

let folder = '';
beforeAll(async () => void (folder = await makeTemporaryFolder('h2k-atomic-')));
afterAll(() => rm(folder, { recursive: true }));

test('the file is replaced as a whole, with the mode that was asked for', async () => {
  const path = join(folder, 'record.json');
  await writeFileAtomically(path, 'one');
  await writeFileAtomically(path, Buffer.from('two'));
  expect(await readFile(path, 'utf8')).toBe('two');
  expect((await stat(path)).mode & 0o777).toBe(0o600);
  await writeFileAtomically(path, 'three', { mode: 0o666 });
  expect((await stat(path)).mode & 0o777).toBe(0o666);
  expect(await readdir(folder)).toEqual(['record.json']);
});

test('many writers at once leave one whole file', async () => {
  const path = join(folder, 'busy');
  const texts = Array.from({ length: 20 }, (_, index) => String(index).repeat(5000));
  await Promise.all(texts.map((text) => writeFileAtomically(path, text)));
  expect(texts).toContain(await readFile(path, 'utf8'));
});

test('a failure names the path and leaves nothing behind', async () => {
  const path = join(folder, 'is-a-folder');
  await mkdir(path);
  await expect(writeFileAtomically(path, 'x')).rejects.toMatchObject({
    kind: 'local-file',
    message: expect.stringContaining(path),
  });
  expect(await readdir(folder)).not.toContainEqual(expect.stringContaining('.tmp'));
});
