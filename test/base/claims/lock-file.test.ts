import { spawn } from 'node:child_process';
import { once } from 'node:events';
import { readdir, rm, symlink, writeFile } from 'node:fs/promises';
import { join } from 'node:path';
import { createInterface } from 'node:readline/promises';
import { text } from 'node:stream/consumers';
import { fileURLToPath } from 'node:url';
import { afterEach, beforeEach, expect, jest, test } from '@jest/globals';
import { lockFile } from '../../../src/base/claims/lock-file.ts';
import { makeTemporaryFolder } from '../../temporary-folder.ts';

const PROGRAM = fileURLToPath(new URL('lock-process.ts', import.meta.url));
const PROCESSES = 4;
const ROUNDS = 100;

let folder: string;
let path: string;
beforeEach(async () => {
  folder = await makeTemporaryFolder('lock-');
  path = join(folder, 'lock');
});
afterEach(async () => {
  jest.restoreAllMocks();
  await rm(folder, { recursive: true });
});

function start(task: string, rounds = 0) {
  return spawn(process.execPath, [PROGRAM, task, path, String(rounds)], { stdio: 'pipe' });
}

test('locks a file once, and leaves nothing when it is freed', async () => {
  const lock = lockFile(path);
  expect(lock).toBeDefined();
  expect(lockFile(path)).toBeUndefined();
  expect(await readdir(folder)).toEqual(['lock']);
  lock?.[Symbol.dispose]();
  expect(await readdir(folder)).toEqual([]);
  using again = lockFile(path);
  expect(again).toBeDefined();
});

test('a process that is killed frees its lock, and the file that it leaves is used again', async () => {
  const child = start('hold');
  await once(child.stdout, 'data');
  expect(lockFile(path)).toBeUndefined();
  child.kill('SIGKILL');
  await once(child, 'close');
  expect(await readdir(folder)).toEqual(['lock']);
  using lock = lockFile(path);
  expect(lock).toBeDefined();
});

test('of several processes that try at once exactly one gets each lock', async () => {
  const children = Array.from({ length: PROCESSES }, () => start('contend', ROUNDS));
  try {
    const lines = children.map(({ stdout }) => createInterface(stdout)[Symbol.asyncIterator]());
    for (const each of lines) expect((await each.next()).value).toBe('ready');
    for (const { stdin } of children) stdin.write('go\n');
    const won = await Promise.all(lines.map(async (each) => JSON.parse((await each.next()).value ?? '') as number[]));
    expect(won.flat().toSorted((a, b) => a - b)).toEqual(Array.from({ length: ROUNDS }, (_, round) => round));
  } finally {
    for (const child of children) child.kill('SIGKILL');
    await Promise.all(children.map((child) => once(child, 'close')));
  }
});

test('processes that lock and remove one file never hold it at the same time', async () => {
  const children = Array.from({ length: PROCESSES }, () => start('take-turns', ROUNDS));
  const ended = await Promise.all(
    children.map(async (child) => {
      const [stderr, [exitCode]] = await Promise.all([text(child.stderr), once(child, 'close')]);
      return { exitCode, stderr };
    }),
  );
  expect(ended).toEqual(children.map(() => ({ exitCode: 0, stderr: '' })));
  expect(await readdir(folder)).toEqual([]);
}, 30_000);

test('what cannot be locked is an error and not a lock that is taken', async () => {
  await symlink(join(folder, 'elsewhere'), path);
  expect(() => lockFile(path)).toThrow('it is a symbolic link');
  expect(() => lockFile(join(folder, 'none', 'lock'))).toThrow('it does not exist');
  await writeFile(join(folder, 'other'), 'this is not a database, and far too long for an empty one'.repeat(20));
  expect(() => lockFile(join(folder, 'other'))).toThrow(/^Could not lock .*: file is not a database\.$/);
  const file = jest.spyOn(process, 'getBuiltinModule').mockReturnValue(undefined);
  expect(() => lockFile(join(folder, 'new'))).toThrow('built without SQLite');
  expect(file).toHaveBeenCalledWith('node:sqlite');
});

test('the warning that SQLite is experimental is not shown, and later warnings are', () => {
  const warn = jest.spyOn(process, 'emitWarning').mockReturnValue(undefined);
  const load = process.getBuiltinModule.bind(process);
  jest.spyOn(process, 'getBuiltinModule').mockImplementation(((id: 'node:sqlite') => {
    process.emitWarning('SQLite is an experimental feature', 'ExperimentalWarning');
    return load(id);
  }) as typeof process.getBuiltinModule);
  lockFile(path)?.[Symbol.dispose]();
  expect(warn).not.toHaveBeenCalled();
  process.emitWarning('later');
  expect(warn).toHaveBeenCalledWith('later');
});
