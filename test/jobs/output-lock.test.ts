import { execFileSync } from 'node:child_process';
import { chmod, mkdtemp, readdir, readFile, rm, symlink, writeFile } from 'node:fs/promises';
import { hostname, tmpdir, uptime } from 'node:os';
import { join } from 'node:path';
import { afterEach, beforeEach, expect, test } from '@jest/globals';
import { ownProcess } from '../../src/jobs/job-process.ts';
import type { JobProcess } from '../../src/jobs/job-record.ts';
import { lockOutput } from '../../src/jobs/output-lock.ts';

const REQUEST = { doing: 'exporting web to /srv', job: '20261122T140102Z-export-1a2b3c4d' };
const LOCK = '.web.hyper2kvm-lock';

let folder: string;
let path: string;
beforeEach(async () => {
  folder = await mkdtemp(join(tmpdir(), 'lock-'));
  path = join(folder, LOCK);
});
afterEach(() => rm(folder, { recursive: true }));

/** A lock that stands there as its holder left it. */
async function leaveLock(process: Partial<JobProcess>, since = new Date()): Promise<void> {
  const holder = { process: { ...ownProcess(), ...process }, job: 'job-of-before', since: since.toISOString() };
  await writeFile(path, JSON.stringify(holder));
}

const OVER = { startTicks: '1' };
const beforeBoot = (): Date => new Date(Date.now() - (uptime() + 3600) * 1000);

test('a second run is refused by whatever path, and told who holds the lock, until it is given up', async () => {
  const link = `${folder}-link`;
  await symlink(folder, link);
  const lock = await lockOutput(path, REQUEST);
  const second = lockOutput(join(link, LOCK), { ...REQUEST, job: 'second' });
  await expect(second).rejects.toMatchObject({
    kind: 'busy',
    message: expect.stringMatching(
      `^Another run is exporting web to /srv: process ${process.pid} on ${hostname()}, since 20.*Z, job ${REQUEST.job}\\.$`,
    ),
    hint: expect.stringContaining(`hyper2kvm status --job ${REQUEST.job}`),
  });
  await rm(link);
  await lock[Symbol.asyncDispose]();
  expect(await readdir(folder)).toEqual([]);
  await using again = await lockOutput(path, REQUEST);
  expect(again).toBeDefined();
  expect(await readdir(folder)).toEqual([LOCK]);
});

test('a lock is given up where the file system lets everybody write every file', async () => {
  // As NTFS, SMB and FAT can be mounted.
  const lock = await lockOutput(path, REQUEST);
  await chmod(path, 0o777);
  await lock[Symbol.asyncDispose]();
  expect(await readdir(folder)).toEqual([]);
});

test('of many runs at once one gets a lock whose holder is over', async () => {
  await leaveLock(OVER);
  const tries = await Promise.allSettled(Array.from({ length: 8 }, () => lockOutput(path, REQUEST)));
  expect(tries.filter(({ status }) => status === 'fulfilled')).toHaveLength(1);
  expect(JSON.parse(await readFile(path, 'utf8'))).toMatchObject({ job: REQUEST.job, process: ownProcess() });
  for (const each of tries) if (each.status === 'fulfilled') await each.value[Symbol.asyncDispose]();
});

test.each([
  ['whose process is over', () => leaveLock(OVER)],
  ['of before this host was started', () => leaveLock({ bootId: 'before' }, beforeBoot())],
])('a lock %s is taken over', async (_, leave) => {
  await leave();
  await using lock = await lockOutput(path, REQUEST);
  expect(lock).toBeDefined();
  expect(JSON.parse(await readFile(path, 'utf8'))).toMatchObject({ job: REQUEST.job });
});

test.each([
  ['of another host', () => leaveLock({ hostname: 'other-host' }, beforeBoot())],
  ['of another host with the same name', () => leaveLock({ bootId: 'other' })],
])('a lock %s is never taken over, and the message says what to remove', async (_, leave) => {
  await leave();
  const before = await readFile(path, 'utf8');
  await expect(lockOutput(path, REQUEST)).rejects.toMatchObject({
    kind: 'busy',
    message: expect.stringContaining('job job-of-before.'),
    hint: expect.stringMatching(`Only on its own host .* remove ${path}\\.$`),
  });
  expect(await readFile(path, 'utf8')).toBe(before);
  await rm(path);
  await using lock = await lockOutput(path, REQUEST);
  expect(lock).toBeDefined();
});

test('a lock of another container with the same host name is never taken over', async () => {
  await leaveLock({ ...OVER, pidNamespace: 'pid:[1]' });
  await expect(lockOutput(path, REQUEST)).rejects.toMatchObject({ kind: 'busy' });
});

test('a named pipe in place of a lock blocks nothing', async () => {
  execFileSync('mkfifo', [path]);
  await expect(lockOutput(path, REQUEST)).rejects.toMatchObject({
    kind: 'busy',
    hint: expect.stringContaining(`remove ${path}.`),
  });
});

test.each(['', '{}', '{"process":{"pid":1},"job":"a","since":"b"}'])(
  'a lock that does not tell its holder (%j) is left, and the message says what to remove',
  async (text) => {
    await writeFile(path, text);
    await expect(lockOutput(path, REQUEST)).rejects.toMatchObject({
      kind: 'busy',
      message: 'Another run is exporting web to /srv; its lock does not tell which.',
      hint: expect.stringContaining(`remove ${path}.`),
    });
    expect(await readFile(path, 'utf8')).toBe(text);
  },
);

test('whoever was removed by hand does not remove the lock of the next one', async () => {
  const lock = await lockOutput(path, REQUEST);
  await leaveLock({ hostname: 'other-host' });
  await lock[Symbol.asyncDispose]();
  expect(await readdir(folder)).toEqual([LOCK]);
});
