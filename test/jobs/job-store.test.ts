import { execFileSync, spawn } from 'node:child_process';
import { once } from 'node:events';
import { readFileSync, writeFileSync } from 'node:fs';
import { chmod, chown, mkdir, readFile, rm, stat, writeFile } from 'node:fs/promises';
import { join } from 'node:path';
import { setTimeout as pause } from 'node:timers/promises';
import { afterEach, beforeEach, expect, test } from '@jest/globals';
import { Hyper2kvmError, InterruptedError } from '../../src/base/errors.ts';
import type { JobHandle } from '../../src/jobs/job-handle.ts';
import { ownProcess, readWithLiveness } from '../../src/jobs/job-process.ts';
import { createJob, listJobs, readJob, readView } from '../../src/jobs/job-store.ts';
import { jobsFolder } from '../../src/jobs/jobs-folder.ts';
import { needsRoot, testUnless } from '../oracles/skips.ts';
import { makeTemporaryFolder } from '../temporary-folder.ts';

let env: NodeJS.ProcessEnv = {};
let problems: string[] = [];
/** Higher than the maximum PID on Linux (proc(5), pid_max). */
const NO_PID = 2 ** 22 + 1;
const request = { server: 'vc.example:443', vms: ['web'], format: 'ovf', output: '/out' };

beforeEach(async () => {
  env = { XDG_STATE_HOME: await makeTemporaryFolder('h2k-jobs-') };
  problems = [];
});
afterEach(() => rm(env['XDG_STATE_HOME'] ?? '', { recursive: true }));

const start = (more: object = {}): Promise<JobHandle> =>
  createJob({
    kind: 'export',
    request: { ...request, ...more },
    env,
    onProblem: (message) => void problems.push(message),
  });

/** Reads the current record. Synchronous, because a job writes it after one second. */
function onDisk(handle: JobHandle): Record<string, unknown> {
  const value: Record<string, unknown> = JSON.parse(readFileSync(handle.file, 'utf8'));
  return value;
}

/** Writes a record as another process would have left it. */
async function plant(id: string, process: object): Promise<void> {
  await mkdir(jobsFolder(env), { recursive: true, mode: 0o700 });
  const record = {
    id,
    kind: 'export',
    state: 'running',
    request,
    startedAt: '2026-01-01T00:00:00Z',
    transferredBytes: 0,
  };
  await writeFile(
    join(jobsFolder(env), `${id}.json`),
    JSON.stringify({ ...record, process: { ...ownProcess(), ...process }, files: [], vms: [] }),
  );
}

test('the folder follows the XDG rules, and is found without any home', () => {
  expect(jobsFolder({ XDG_STATE_HOME: '/state', HOME: '/home/u' })).toBe('/state/hyper2kvm/jobs');
  expect(jobsFolder({ XDG_STATE_HOME: 'relative', HOME: '/home/u' })).toBe('/home/u/.local/state/hyper2kvm/jobs');
  expect(jobsFolder({ HOME: '/home/u' })).toBe('/home/u/.local/state/hyper2kvm/jobs');
  expect(jobsFolder({})).toMatch(/^\/.*hyper2kvm.*\/jobs$/);
});

test('a user id without a passwd entry and without HOME gets a folder of its own', async () => {
  const script = `import { jobsFolder } from '${join(process.cwd(), 'src/jobs/jobs-folder.ts')}';
    if (process.getuid() === 0) process.setuid(54321);
    delete process.env.HOME;
    console.log(jobsFolder({}));`;
  const child = spawn(process.execPath, ['--input-type=module', '-e', script], {
    stdio: ['ignore', 'pipe', 'inherit'],
  });
  const chunks: Buffer[] = [];
  child.stdout.on('data', (chunk: Buffer) => void chunks.push(chunk));
  await once(child, 'close');
  expect(Buffer.concat(chunks).toString().trim()).toMatch(/^\/.*\/jobs$/);
});

test('a job is on disk at once, private, and tells how it ended', async () => {
  const job = await start();
  expect(job.id).toMatch(/^\d{8}T\d{6}Z-export-[0-9a-f]{8}$/);
  expect((await stat(job.file)).mode & 0o777).toBe(0o600);
  expect((await stat(jobsFolder(env))).mode & 0o777).toBe(0o700);
  expect(await readJob(env, job.id)).toMatchObject({ state: 'running', file: job.file, request });
  job.update({ transferredBytes: 5 });
  await job.end('failed', new Hyper2kvmError('transfer', 'cut off.', { hint: 'again' }));
  expect(await readJob(env, job.id)).toMatchObject({
    state: 'failed',
    transferredBytes: 5,
    error: { kind: 'transfer', message: 'cut off.', hint: 'again' },
  });
  expect(problems).toEqual([]);
});

test('errors outside the family and interruptions are kept as such', async () => {
  const [first, second] = [await start(), await start()];
  await first.end('interrupted', new InterruptedError('SIGTERM'));
  await second.end('failed', new TypeError('oh'));
  expect(first.record.error).toEqual({ kind: 'interrupted', message: 'Interrupted by SIGTERM.' });
  expect(second.record.error?.kind).toBe('internal');
});

test('many updates become few writes, and none comes after the end', async () => {
  const job = await start();
  for (let bytes = 1; bytes <= 1000; bytes++) job.update({ transferredBytes: bytes });
  expect(onDisk(job)).toMatchObject({ transferredBytes: 0 });
  while (onDisk(job)['transferredBytes'] === 0) await pause(20);
  expect(onDisk(job)).toMatchObject({ transferredBytes: 1000, state: 'running' });
  job.update({ transferredBytes: 1001 });
  await job.end('done');
  job.update({ transferredBytes: 9999 });
  await job.end('failed');
  await pause(1100);
  expect(onDisk(job)).toMatchObject({ transferredBytes: 1001, state: 'done' });
});

test('only the declared fields reach the disk', async () => {
  const job = await start({ password: 'hunter2', server: 'root:hunter2@vc.example:443' });
  const file = { path: '/out/a', sizeBytes: 1, sha256: 'ab', token: 'hunter2' };
  const changes = { files: [file], session: 'hunter2' };
  job.update(changes);
  await job.end('done');
  expect(await readFile(job.file, 'utf8')).not.toContain('hunter2');
  expect(onDisk(job)).toMatchObject({ request: { server: 'vc.example:443' }, files: [{ path: '/out/a' }] });
});

test('a state folder that fails is told once and stops nothing', async () => {
  await writeFile(join(env['XDG_STATE_HOME'] ?? '', 'hyper2kvm'), 'a file in the way');
  const job = await start();
  job.update({ transferredBytes: 1 });
  await job.end('done');
  expect(problems).toHaveLength(1);
  expect(problems[0]).toMatch(/record of this job cannot be kept: Could not make/);
});

test('a folder that others can write is not used', async () => {
  await mkdir(jobsFolder(env), { recursive: true });
  await chmod(jobsFolder(env), 0o777);
  await start();
  expect(problems[0]).toMatch(/other users can write to it/);
});

test('the newest come first, and what cannot be read is shown as such', async () => {
  await plant('20260101T000000Z-export-0001', {});
  await plant('20260301T000000Z-export-0003', {});
  await writeFile(join(jobsFolder(env), '20260201T000000Z-export-0002.json'), '{"id": "2026');
  await mkdir(join(jobsFolder(env), '20250101T000000Z-export-0000.json'));
  await writeFile(join(jobsFolder(env), 'notes.txt'), '');
  const jobs = await listJobs(env);
  expect(jobs.map((job) => job.id.slice(-4))).toEqual(['0003', '0002', '0001', '0000']);
  expect(jobs[0]?.problem).toBeUndefined();
  expect(jobs[1]).toMatchObject({
    state: 'failed',
    startedAt: '2026-02-01T00:00:00.000Z',
    problem: expect.stringContaining('not a complete job record'),
  });
  expect(jobs[3]?.problem).toContain('cannot be read');
  expect(await listJobs(env, { limit: 1 })).toHaveLength(1);
});

test('no folder means no jobs', async () => {
  expect(await listJobs(env)).toEqual([]);
  await expect(readJob(env, 'x')).rejects.toMatchObject({ kind: 'not-found' });
});

test('a job whose process is gone shows as interrupted', async () => {
  const ended = spawn(process.execPath, ['-e', '']);
  await once(ended, 'exit');
  await plant('20260101T000000Z-export-0001', { pid: ended.pid });
  await plant('20260101T000000Z-export-0002', { startTicks: '1' });
  await plant('20260101T000000Z-export-0003', { bootId: 'an-earlier-boot' });
  await plant('20260101T000000Z-export-0004', { hostname: 'elsewhere', pid: ended.pid });
  await plant('20260101T000000Z-export-0005', {});
  await plant('20260101T000000Z-export-0006', { startTicks: null, bootId: null, pid: NO_PID });
  const states = (await listJobs(env)).toReversed().map((job) => job.state);
  expect(states).toEqual(['interrupted', 'interrupted', 'interrupted', 'running', 'running', 'interrupted']);
});

test('a job that ends between the reading of its record and the look at its process is not interrupted', async () => {
  const job = await start();
  const [written, process] = [await readFile(job.file, 'utf8'), job.record.process];
  const view = readView(jobsFolder(env), job.id, (looked) => {
    expect(looked).toEqual(process);
    // The last update of the job before its process ends.
    writeFileSync(job.file, written.replace('"running"', '"done"'));
    return true;
  });
  expect(await view).toMatchObject({ state: 'done' });
});

test('what a process keeps is read again when the process has ended, or another one has it meanwhile', async () => {
  const [first, second] = [ownProcess(), { ...ownProcess(), pid: 2 }];
  const reads = [first, second, second];
  const seen = await readWithLiveness(
    () => Promise.resolve(reads.shift()),
    (kept) => kept,
    () => true,
  );
  expect(seen).toEqual({ kept: second, hasEnded: true });
  const gone = [first, undefined];
  const none = { kept: undefined, hasEnded: false };
  expect(
    await readWithLiveness(
      () => Promise.resolve(gone.shift()),
      (kept) => kept,
      () => true,
    ),
  ).toEqual(none);
});

test('a named pipe among the records blocks nothing', async () => {
  await plant('20260101T000000Z-export-0001', {});
  execFileSync('mkfifo', [join(jobsFolder(env), '20260102T000000Z-export-0002.json')]);
  const [pipe, record] = await listJobs(env);
  expect(pipe?.problem).toContain('not a regular file');
  expect(record?.problem).toBeUndefined();
});

test.each([
  { vms: [{ vm: 'web', state: 'failed', error: 'a text' }] },
  { vms: [{ vm: 'web', state: 'failed', leftBehind: [{}] }] },
  { vms: [{ vm: 'web', state: 'failed', leftBehind: 'a text' }] },
  { error: { kind: 'transfer', message: 7 } },
  { error: null },
  { files: [{ path: '/out/a', sizeBytes: 1, sha256: 5 }] },
  { process: { ...ownProcess(), pid: -1 } },
  { process: { ...ownProcess(), startTicks: {} } },
])('an odd record is shown as one that cannot be read: %j', async (odd) => {
  const id = '20260101T000000Z-export-0001';
  await plant(id, {});
  const file = join(jobsFolder(env), `${id}.json`);
  await writeFile(file, JSON.stringify({ ...JSON.parse(await readFile(file, 'utf8')), ...odd }));
  expect(await readJob(env, id)).toMatchObject({ problem: expect.stringContaining('not a complete job record') });
});

test('a job of another container is not taken for one that is over', async () => {
  await plant('20260101T000000Z-export-0001', { pid: NO_PID, pidNamespace: 'pid:[1]' });
  expect(await readJob(env, '20260101T000000Z-export-0001')).toMatchObject({ state: 'running' });
});

testUnless(needsRoot(), 'root does not believe the record of another user', async () => {
  const id = '20260101T000000Z-export-0001';
  await plant(id, {});
  await chown(join(jobsFolder(env), `${id}.json`), 65_534, 65_534);
  expect(await readJob(env, id)).toMatchObject({ problem: expect.stringContaining('belongs to user 65534') });
  await chown(jobsFolder(env), 65_534, 65_534);
  await start();
  expect(problems[0]).toMatch(/belongs to user 65534/);
});

test('an id is a prefix that fits one job, and never a path', async () => {
  await plant('20260101T000000Z-export-0001', {});
  await plant('20260102T000000Z-export-0002', {});
  expect(await readJob(env, '20260102')).toMatchObject({ id: '20260102T000000Z-export-0002' });
  await expect(readJob(env, '2026')).rejects.toMatchObject({
    kind: 'not-found',
    hint: expect.stringContaining('0001'),
  });
  for (const id of [
    '../jobs/20260101T000000Z-export-0001',
    '',
    '.',
    '/etc/passwd',
    '20260101T000000Z-export-0001.json',
  ]) {
    await expect(readJob(env, id)).rejects.toMatchObject({ kind: 'not-found' });
  }
});

test('the newest job is "last", and the random part of an ID is enough', async () => {
  await expect(readJob(env, 'last')).rejects.toMatchObject({ kind: 'not-found' });
  await plant('20260101T000000Z-export-1a2b3c4d', {});
  await plant('20260102T000000Z-export-1a2b9999', {});
  await plant('20260103T000000Z-boot-test-77777777', {});
  expect(await readJob(env, 'last')).toMatchObject({ id: '20260103T000000Z-boot-test-77777777' });
  expect(await readJob(env, '1a2b3c4d')).toMatchObject({ id: '20260101T000000Z-export-1a2b3c4d' });
  expect(await readJob(env, '777')).toMatchObject({ id: '20260103T000000Z-boot-test-77777777' });
  await expect(readJob(env, '1a2b')).rejects.toMatchObject({
    kind: 'not-found',
    message: expect.stringMatching(/^2 /),
  });
  await expect(readJob(env, 'export')).rejects.toMatchObject({ kind: 'not-found' });
});
