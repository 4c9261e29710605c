import { execFileSync } from 'node:child_process';
import { chmod, chown, mkdir, readdir, readFile, rm, symlink, writeFile } from 'node:fs/promises';
import { hostname, uptime } from 'node:os';
import { join } from 'node:path';
import { afterEach, beforeEach, expect, test } from '@jest/globals';
import { FileClaims } from '../../src/base/claims/file-claim.ts';
import { ownProcess } from '../../src/jobs/job-process.ts';
import type { JobProcess } from '../../src/jobs/job-record.ts';
import { lockOutput, type LockRequest } from '../../src/jobs/output-lock.ts';
import { needsRoot, testUnless } from '../oracles/skips.ts';
import { makeTemporaryFolder } from '../temporary-folder.ts';

const LOCK = '.web.hyper2kvm-lock';
const JOB = '20261122T140102Z-export-1a2b3c4d';

let scratch: string;
let folder: string;
let path: string;
beforeEach(async () => {
  scratch = await makeTemporaryFolder('lock-');
  folder = join(scratch, 'out');
  await mkdir(folder);
  path = join(folder, LOCK);
});
afterEach(() => rm(scratch, { recursive: true }));

/** A lock request of this user, with a different state folder if `state` is set. */
function request({ job = JOB, state = 'state' } = {}): LockRequest {
  const claims = new FileClaims({ env: { XDG_STATE_HOME: join(scratch, state) }, onProblem: () => {} });
  return { doing: 'exporting web to /srv', job, claims };
}

/** Creates a lock file as its holder would have left it. */
async function leaveLock(process: Partial<JobProcess>, since = new Date()): Promise<void> {
  const holder = { process: { ...ownProcess(), ...process }, job: 'job-of-before', since: since.toISOString() };
  await writeFile(path, JSON.stringify(holder));
}

const OVER = { startTicks: '1' };
const beforeBoot = (): Date => new Date(Date.now() - (uptime() + 3600) * 1000);

test('a second run is refused by whatever path, and told who holds the lock, until it is given up', async () => {
  const link = `${folder}-link`;
  await symlink(folder, link);
  const lock = await lockOutput(path, request());
  const second = lockOutput(join(link, LOCK), request({ job: 'second' }));
  await expect(second).rejects.toMatchObject({
    kind: 'busy',
    message: expect.stringMatching(
      `^Another run is exporting web to /srv: process ${process.pid} on ${hostname()}, since 20.*Z, job ${JOB}\\.$`,
    ),
    hint: expect.stringContaining(`hyper2kvm status --job ${JOB}`),
  });
  await rm(link);
  await lock[Symbol.asyncDispose]();
  expect(await readdir(folder)).toEqual([]);
  await using again = await lockOutput(path, request());
  expect(again).toBeDefined();
  expect(await readdir(folder)).toEqual([LOCK]);
});

test('a lock is given up where the file system lets everybody write every file', async () => {
  // NTFS, SMB and FAT file systems can be mounted this way.
  const lock = await lockOutput(path, request());
  await chmod(path, 0o777);
  await lock[Symbol.asyncDispose]();
  expect(await readdir(folder)).toEqual([]);
});

test('of many runs at once one gets a lock whose holder is over', async () => {
  await leaveLock(OVER);
  const tries = await Promise.allSettled(Array.from({ length: 8 }, () => lockOutput(path, request())));
  expect(tries.filter(({ status }) => status === 'fulfilled')).toHaveLength(1);
  expect(JSON.parse(await readFile(path, 'utf8'))).toMatchObject({ job: JOB, process: ownProcess() });
  for (const each of tries) if (each.status === 'fulfilled') await each.value[Symbol.asyncDispose]();
});

test.each([
  ['whose process is over', () => leaveLock(OVER)],
  ['of before this host was started', () => leaveLock({ bootId: 'before' }, beforeBoot())],
])('a lock %s is taken over', async (_, leave) => {
  await leave();
  await using lock = await lockOutput(path, request());
  expect(lock).toBeDefined();
  expect(JSON.parse(await readFile(path, 'utf8'))).toMatchObject({ job: JOB });
});

test.each([
  ['of another host', () => leaveLock({ hostname: 'other-host' }, beforeBoot())],
  ['of another host with the same name', () => leaveLock({ bootId: 'other' })],
])('a lock %s is never taken over, and the message says what to remove', async (_, leave) => {
  await leave();
  const before = await readFile(path, 'utf8');
  await expect(lockOutput(path, request())).rejects.toMatchObject({
    kind: 'busy',
    message: expect.stringContaining('job job-of-before.'),
    hint: expect.stringMatching(`Only on its own host .* remove ${path}\\.$`),
  });
  expect(await readFile(path, 'utf8')).toBe(before);
  await rm(path);
  await using lock = await lockOutput(path, request());
  expect(lock).toBeDefined();
});

test('runs with other state folders see the file, and do not take it over', async () => {
  const lock = await lockOutput(path, request());
  await expect(lockOutput(path, request({ state: 'other' }))).rejects.toMatchObject({
    kind: 'busy',
    message: expect.stringContaining(`job ${JOB}.`),
  });
  await lock[Symbol.asyncDispose]();
});

test('without a claim a lock whose process is over is left, and the message says what to remove', async () => {
  await writeFile(join(scratch, 'not-a-folder'), '');
  await leaveLock(OVER);
  const before = await readFile(path, 'utf8');
  const tries = Array.from({ length: 4 }, () => lockOutput(path, request({ state: 'not-a-folder' })));
  for (const each of tries) {
    await expect(each).rejects.toMatchObject({
      kind: 'busy',
      message: expect.stringMatching(
        /^Another run was exporting web .* job job-of-before\. It has ended, but its lock remains\.$/,
      ),
      hint: `Remove ${path}, and try again.`,
    });
  }
  expect(await readFile(path, 'utf8')).toBe(before);
  await rm(path);
  await using lock = await lockOutput(path, request({ state: 'not-a-folder' }));
  expect(lock).toBeDefined();
});

testUnless(needsRoot(), 'a lock that root left is not taken over by another user', async () => {
  await leaveLock(OVER);
  await chmod(path, 0o644);
  const theirs = join(scratch, 'theirs');
  await mkdir(theirs);
  for (const each of [scratch, folder]) await chmod(each, 0o777);
  await chown(theirs, 65_534, 65_534);
  process.seteuid?.(65_534);
  try {
    await expect(lockOutput(path, request({ state: 'theirs' }))).rejects.toMatchObject({
      kind: 'busy',
      hint: `Remove ${path}, and try again.`,
    });
  } finally {
    process.seteuid?.(0);
  }
});

test('a lock of another container with the same host name is never taken over', async () => {
  await leaveLock({ ...OVER, pidNamespace: 'pid:[1]' });
  await expect(lockOutput(path, request())).rejects.toMatchObject({ kind: 'busy' });
});

test('a named pipe in place of a lock blocks nothing', async () => {
  execFileSync('mkfifo', [path]);
  await expect(lockOutput(path, request())).rejects.toMatchObject({
    kind: 'busy',
    hint: expect.stringContaining(`remove ${path}.`),
  });
});

test.each(['', '{}', '{"process":{"pid":1},"job":"a","since":"b"}'])(
  'a lock that does not tell its holder (%j) is left, and the message says what to remove',
  async (text) => {
    await writeFile(path, text);
    await expect(lockOutput(path, request())).rejects.toMatchObject({
      kind: 'busy',
      message: 'Another run is exporting web to /srv; its lock does not identify it.',
      hint: expect.stringContaining(`remove ${path}.`),
    });
    expect(await readFile(path, 'utf8')).toBe(text);
  },
);

test('whoever was removed by hand does not remove the lock of the next one', async () => {
  const lock = await lockOutput(path, request());
  await leaveLock({ hostname: 'other-host' });
  await lock[Symbol.asyncDispose]();
  expect(await readdir(folder)).toEqual([LOCK]);
});
