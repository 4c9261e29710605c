import { mkdir, readdir, rm, writeFile } from 'node:fs/promises';
import { join } from 'node:path';
import { afterEach, beforeEach, expect, test } from '@jest/globals';
import { ownProcess } from '../../src/jobs/job-process.ts';
import { createJob } from '../../src/jobs/job-store.ts';
import { jobsFolder } from '../../src/jobs/jobs-folder.ts';
import { KEPT_DAYS, KEPT_RECORDS } from '../../src/jobs/prune-jobs.ts';
import { reserveJob } from '../../src/jobs/reserve-job.ts';
import { makeTemporaryFolder } from '../temporary-folder.ts';

let env: NodeJS.ProcessEnv = {};
const request = { server: 'vc.example:443', vms: ['web'], format: 'ovf', output: '/out' };

beforeEach(async () => {
  env = { XDG_STATE_HOME: await makeTemporaryFolder('h2k-prune-') };
  await mkdir(jobsFolder(env), { recursive: true, mode: 0o700 });
});
afterEach(() => rm(env['XDG_STATE_HOME'] ?? '', { recursive: true }));

const start = () =>
  createJob({ kind: 'export', request, env, onProblem: (message) => expect(message).toBe('never called') });

/** Returns a job ID from this many days ago. */
function idOf(daysAgo: number, tail: string): string {
  const time = new Date(Date.now() - daysAgo * 86_400_000).toISOString().replace(/\.\d+/, '').replaceAll(/[-:]/g, '');
  return `${time}-export-${tail}`;
}

async function plant(id: string, state: string, process: object = {}): Promise<void> {
  const record = { id, kind: 'export', state, request, startedAt: '2026-01-01T00:00:00Z', transferredBytes: 0 };
  const text = JSON.stringify({ ...record, process: { ...ownProcess(), ...process }, files: [], vms: [] });
  await writeFile(join(jobsFolder(env), `${id}.json`), text);
}

const kept = async () => (await readdir(jobsFolder(env))).toSorted();

test('a record that is too old goes when a job starts, with its log and folder; a younger one stays', async () => {
  const [old, young] = [idOf(KEPT_DAYS + 1, '0001'), idOf(KEPT_DAYS - 1, '0002')];
  for (const id of [old, young]) {
    await plant(id, 'done');
    await writeFile(join(jobsFolder(env), `${id}.log`), 'said');
    await mkdir(join(jobsFolder(env), id));
  }
  await writeFile(join(jobsFolder(env), `${idOf(KEPT_DAYS + 1, '0003')}.log`), 'of a job that never had a record');
  const job = await start();
  expect(await kept()).toEqual([young, `${young}.json`, `${young}.log`, `${job.id}.json`].toSorted());
});

test('the record of a job that runs, or may run elsewhere, is never removed; that of a dead one is', async () => {
  const [own, elsewhere, dead] = [idOf(400, '0001'), idOf(400, '0002'), idOf(400, '0003')];
  await plant(own, 'running');
  await plant(elsewhere, 'running', { hostname: 'elsewhere' });
  await plant(dead, 'running', { bootId: 'an-earlier-boot' });
  const job = await start();
  expect(await kept()).toEqual([`${elsewhere}.json`, `${own}.json`, `${job.id}.json`].toSorted());
});

test('of too many records the oldest go, and an id without a time counts by its place alone', async () => {
  for (let index = 0; index < KEPT_RECORDS; index += 1) {
    await plant(idOf(1, index.toString(16).padStart(4, '0')), index === 0 ? 'running' : 'done');
  }
  await plant('zzz', 'done');
  await start();
  const names = await kept();
  expect(names.filter((name) => name.endsWith('.json'))).toHaveLength(KEPT_RECORDS + 1);
  expect(names).toContain('zzz.json');
  // The record beyond the limit stays because its job is running.
  expect(names.some((name) => name.endsWith('-0000.json'))).toBe(true);
  expect(names.some((name) => name.endsWith('-0001.json'))).toBe(false);
});

test('a reserved job has a log of its own, and the record names it', async () => {
  const reserved = await reserveJob(env, 'export');
  await reserved.close();
  const job = await createJob({ kind: 'export', request, env, onProblem: () => undefined, reserved });
  expect(job.id).toBe(reserved.id);
  expect(job.record.log).toBe(join(jobsFolder(env), `${reserved.id}.log`));
  await job.end('done');
  const other = await reserveJob(env, 'export');
  await other.close();
  await other.withdraw();
  expect(await kept()).toEqual([`${job.id}.json`, `${job.id}.log`]);
});
