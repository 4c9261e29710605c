import { mkdir, rm, symlink, writeFile } from 'node:fs/promises';
import { join } from 'node:path';
import { afterAll, beforeAll, expect, test } from '@jest/globals';
import { InsideFolder } from '../../../src/base/files/inside-folder.ts';
import { makeTemporaryFolder } from '../../temporary-folder.ts';

let above: string;
let folder: string;
let inside: InsideFolder;

beforeAll(async () => {
  above = await makeTemporaryFolder('h2k-inside-');
  folder = join(above, 'vm');
  await mkdir(join(folder, 'sub'), { recursive: true });
  await mkdir(join(above, 'vm-other'));
  for (const path of ['secret', 'vm/disk', 'vm/sub/disk', 'vm-other/disk']) await writeFile(join(above, path), '');
  await writeFile(Buffer.concat([Buffer.from(`${folder}/`), Buffer.from([0xe9])]), '');
  for (const [name, target] of [
    ['out', '../secret'],
    ['sub/up', '../disk'],
    ['away', above],
    ['loop', 'loop'],
  ] as const) {
    await symlink(target, join(folder, name));
  }
  await symlink(folder, join(above, 'link'));
  inside = await InsideFolder.at(join(above, 'link'));
});

afterAll(() => rm(above, { recursive: true }));

test.each([
  ['disk', 'disk'],
  ['./sub/../disk', 'disk'],
  ['sub/disk', 'sub/disk'],
  ['sub/up', 'disk'],
])('finds %s inside the folder', async (name, path) => {
  expect(await inside.find(folder, name)).toMatchObject({ path: join(folder, path) });
  expect(await inside.find(join(folder, 'sub'), join(folder, name))).toMatchObject({ path: join(folder, path) });
});

test.each([
  '../secret',
  '../none',
  '/etc/passwd',
  '/none/at/all',
  'out',
  'away/secret',
  'away/none',
  '.',
  '..',
  '../vm-other/disk',
])('reports %s as outside, whether it exists or not', async (name) => {
  expect(await inside.find(folder, name)).toBe('outside');
});

test.each(['none', 'none/below', 'disk/below', '', 'di\0sk', 'x'.repeat(300)])(
  'reports %j as missing',
  async (name) => {
    expect(await inside.find(folder, name)).toBe('missing');
  },
);

test('a circle of links is an error of the file system', async () => {
  await expect(inside.find(folder, 'loop')).rejects.toMatchObject({ kind: 'local-file' });
});

test('names are bytes', async () => {
  const found = await inside.find(folder, Buffer.from([0xe9]));
  expect(found).toMatchObject({ bytes: Buffer.concat([Buffer.from(`${folder}/`), Buffer.from([0xe9])]) });
});

test('everything is inside the root of the file system', async () => {
  const root = await InsideFolder.at('/');
  expect(await root.find('/', `${folder}/disk`)).toMatchObject({ path: join(folder, 'disk') });
});
