import { execFileSync } from 'node:child_process';
import { chmod, chown, lstat, mkdir, rm, stat, symlink, writeFile } from 'node:fs/promises';
import { join } from 'node:path';
import { afterEach, beforeEach, expect, test } from '@jest/globals';
import { doubtAbout, isMissing, makeOwnFolder, readOwnFile } from '../../../src/base/files/own-file.ts';
import { needsRoot, testUnless } from '../../oracles/skips.ts';
import { makeTemporaryFolder } from '../../temporary-folder.ts';

const NOBODY = 65_534;

let folder = '';
let path = '';
beforeEach(async () => {
  folder = await makeTemporaryFolder('h2k-own-');
  path = join(folder, 'record');
});
afterEach(() => rm(folder, { recursive: true }));

test('reads a record of this user', async () => {
  await writeFile(path, 'text', { mode: 0o600 });
  expect(await readOwnFile(path)).toBe('text');
  const missing: unknown = await readOwnFile(join(folder, 'none')).catch((error: unknown) => error);
  expect(missing).toMatchObject({ kind: 'local-file' });
  expect(isMissing(missing)).toBe(true);
});

test.each([
  ['a named pipe, without waiting for a writer', () => void execFileSync('mkfifo', [path]), /not a regular file/],
  ['a folder', () => mkdir(path), /not a regular file/],
  ['a file that others can write', () => writeFile(path, '').then(() => chmod(path, 0o666)), /other users can write/],
  ['a file that is too large', () => writeFile(path, 'x'.repeat(101)), /101 bytes/],
  [
    'a link, even to a record of this user',
    () => writeFile(join(folder, 'mine'), '', { mode: 0o600 }).then(() => symlink(join(folder, 'mine'), path)),
    /symbolic link/,
  ],
])('refuses %s', async (_, plant, words) => {
  await plant();
  const error: unknown = await readOwnFile(path, { maxBytes: 100 }).catch((thrown: unknown) => thrown);
  expect(error).toMatchObject({ kind: 'local-file', message: expect.stringMatching(words) });
  expect(isMissing(error)).toBe(false);
});

testUnless(needsRoot(), 'refuses a file of another user, and takes one of root', async () => {
  await writeFile(path, 'theirs', { mode: 0o600 });
  await chown(path, NOBODY, NOBODY);
  await expect(readOwnFile(path)).rejects.toMatchObject({
    message: expect.stringContaining(`belongs to user ${NOBODY}`),
  });
  await chown(path, 0, 0);
  expect(await readOwnFile(path)).toBe('theirs');
});

test('makes a folder with its parents for this user only, and accepts it the next time', async () => {
  const made = join(folder, 'state', 'jobs');
  await makeOwnFolder(made);
  await makeOwnFolder(made);
  for (const each of [made, join(folder, 'state')]) expect((await stat(each)).mode & 0o777).toBe(0o700);
});

test.each([
  ['that the group can write', () => mkdir(path).then(() => chmod(path, 0o770)), /other users can write to it/],
  ['that is a link', () => mkdir(`${path}-own`).then(() => symlink(`${path}-own`, path)), /it is not a folder/],
])('does not use a folder %s', async (_, plant, words) => {
  await plant();
  await expect(makeOwnFolder(path)).rejects.toMatchObject({
    kind: 'local-file',
    message: expect.stringMatching(words),
    hint: expect.stringContaining('XDG_STATE_HOME'),
  });
});

testUnless(needsRoot(), 'files and folders of other users are in doubt, and those of root are not', async () => {
  await writeFile(path, '', { mode: 0o600 });
  const own = join(folder, 'own');
  await makeOwnFolder(own);
  for (const [each, kind] of [
    [path, 'file'],
    [own, 'folder'],
  ] as const) {
    expect(doubtAbout(await lstat(each), kind)).toBeUndefined();
    await chown(each, NOBODY, NOBODY);
    expect(doubtAbout(await lstat(each), kind)).toBe(`it belongs to user ${NOBODY}`);
  }
});
