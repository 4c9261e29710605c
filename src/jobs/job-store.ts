import { readdir } from 'node:fs/promises';
import { join } from 'node:path';
import { errnoOf, localFileError } from '../base/files/local-file-error.ts';
import { Hyper2kvmError, sentenceOf } from '../base/errors.ts';
import { readOwnFile } from '../base/files/own-file.ts';
import { laterVersion } from '../base/records/read-record.ts';
import { JobHandle } from './job-handle.ts';
import { isProcessOver, ownProcess, readWithLiveness } from './job-process.ts';
import { JOB_ID } from './job-record-schema.ts';
import { newJobId, parseRecord, timeOfId } from './job-record-text.ts';
import type { JobRecord, JobView } from './job-record.ts';
import { jobsFolder } from './jobs-folder.ts';
import { KEPT_RECORDS, pruneJobs } from './prune-jobs.ts';

/** A record of a thousand VMs with ten disks each has some 3 MB; what is larger is no record. */
const MAX_RECORD_BYTES = 16 * 1024 * 1024;
const SUFFIX = '.json';

export interface NewJob {
  kind: JobRecord['kind'];
  request: JobRecord['request'];
  env: NodeJS.ProcessEnv;
  /** Told once, in a sentence, when the record cannot be kept; the job goes on. */
  onProblem: (message: string) => void;
  /** Takes secrets out of the texts of errors. */
  redact?: ((text: string) => string) | undefined;
  /** What was reserved for a job that runs detached, see `reserveJob`. */
  reserved?: { id: string; log: string } | undefined;
}

/** Starts the record of a job of this process, in state `running`, and removes records that are too many. Never rejects. */
export async function createJob({ kind, request, env, onProblem, redact, reserved }: NewJob): Promise<JobHandle> {
  const folder = jobsFolder(env);
  const startedAt = new Date();
  const record: JobRecord = {
    id: reserved?.id ?? newJobId(kind, startedAt),
    kind,
    state: 'running',
    request,
    startedAt: startedAt.toISOString(),
    ...(reserved === undefined ? {} : { log: reserved.log }),
    process: ownProcess(),
    transferredBytes: 0,
    files: [],
    vms: [],
  };
  const handle = new JobHandle({ record, folder, file: join(folder, record.id + SUFFIX), onProblem, redact });
  await handle.write();
  await pruneJobs(folder, {
    now: startedAt,
    ids: await recordIds(folder).catch((): string[] => []),
    isRunning: async (id) => (await readView(folder, id)).state === 'running',
  });
  return handle;
}

/**
 * All records, the newest first; at most `limit` of them are read. A record that cannot be read is in the list, with `problem` set.
 * No folder is no records. Throws kind `local-file` when the folder cannot be read.
 */
export async function listJobs(env: NodeJS.ProcessEnv, { limit = KEPT_RECORDS } = {}): Promise<JobView[]> {
  const folder = jobsFolder(env);
  const ids = await recordIds(folder);
  return Promise.all(ids.slice(0, limit).map((id) => readView(folder, id)));
}

/** The ids of all records, the newest first. Throws kind `local-file` when the folder cannot be read. */
export async function listJobIds(env: NodeJS.ProcessEnv): Promise<string[]> {
  return recordIds(jobsFolder(env));
}

/**
 * The one record whose id starts with `id`, which is whatever the user typed. Throws kind `not-found` when there is none, or several
 * (and names them), kind `local-file` when the folder cannot be read.
 */
export async function readJob(env: NodeJS.ProcessEnv, id: string): Promise<JobView> {
  const folder = jobsFolder(env);
  const ids = await recordIds(folder);
  const matches = ids.includes(id) ? [id] : ids.filter((known) => id !== '' && known.startsWith(id));
  const [first, second] = matches;
  if (first !== undefined && second === undefined) return readView(folder, first);
  if (first === undefined) {
    throw new Hyper2kvmError('not-found', `There is no job with the ID ${JSON.stringify(id)}.`, {
      hint: ids.length === 0 ? `There are no job records in ${folder}.` : `The newest: ${ids.slice(0, 3).join(', ')}.`,
    });
  }
  const names = matches.slice(0, 5).join(', ');
  throw new Hyper2kvmError('not-found', `${matches.length} jobs have an ID that starts with ${JSON.stringify(id)}.`, {
    hint: `Give more of the ID: ${names}${matches.length > 5 ? ', …' : ''}.`,
  });
}

/** The newest first: ids start with the time. */
async function recordIds(folder: string): Promise<string[]> {
  try {
    const names = await readdir(folder);
    const ids = names.filter((name) => name.endsWith(SUFFIX)).map((name) => name.slice(0, -SUFFIX.length));
    return ids
      .filter((id) => JOB_ID.test(id))
      .toSorted()
      .toReversed();
  } catch (error) {
    if (errnoOf(error) === 'ENOENT') return [];
    throw localFileError('read', folder, error);
  }
}

/**
 * The record `id` of `folder`, as it is shown. `hasEnded` is for tests: it is called between two reads of a record.
 */
export async function readView(folder: string, id: string, hasEnded = isProcessOver): Promise<JobView> {
  const file = join(folder, id + SUFFIX);
  try {
    const seen = await readWithLiveness(
      () => readRecord(file),
      (record) => (record?.state === 'running' ? record.process : undefined),
      hasEnded,
    );
    const record = seen.kept;
    // A record under another's name is as little to be trusted as one that cannot be parsed.
    if (record === undefined || record.id !== id) return unreadable(file, id, 'it is not a complete job record');
    return { ...record, file, ...(seen.hasEnded ? { state: 'interrupted' } : {}) };
  } catch (error) {
    return unreadable(file, id, sentenceOf(error));
  }
}

/** Undefined for what is not a complete record. Throws for one that a later release wrote. */
async function readRecord(file: string): Promise<JobRecord | undefined> {
  const text = await readOwnFile(file, { maxBytes: MAX_RECORD_BYTES });
  const later = laterVersion(text);
  if (later === undefined) return parseRecord(text);
  throw new Hyper2kvmError('local-file', `it was written by a later version of hyper2kvm (schemaVersion ${later})`);
}

/** Stands in for a record that cannot be read, so that a list can show it. */
function unreadable(file: string, id: string, why: string): JobView {
  const problem = `The record ${file} cannot be read: ${why.replace(/\.$/, '')}.`;
  return {
    id,
    kind: 'export',
    state: 'failed',
    request: { server: '', vms: [], format: '', output: '' },
    startedAt: (timeOfId(id) ?? new Date(0)).toISOString(),
    process: { pid: 0, hostname: '', startTicks: null, bootId: null },
    transferredBytes: 0,
    files: [],
    vms: [],
    error: { kind: 'local-file', message: problem },
    file,
    problem,
  };
}
