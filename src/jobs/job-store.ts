import { readdir } from 'node:fs/promises';
import { join } from 'node:path';
import { errnoOf, localFileError } from '../base/files/local-file-error.ts';
import { Hyper2kvmError, sentenceOf } from '../base/errors.ts';
import { readOwnFile } from '../base/files/own-file.ts';
import { laterVersion } from '../base/records/read-record.ts';
import { JobHandle } from './job-handle.ts';
import { isProcessOver, ownProcess, readWithLiveness } from './job-process.ts';
import { JOB_ID } from './job-record-schema.ts';
import { shortId } from '../base/text/short-id.ts';
import { newJobId, parseRecord, timeOfId } from './job-record-text.ts';
import type { JobRecord, JobView } from './job-record.ts';
import { jobsFolder } from './jobs-folder.ts';
import { KEPT_RECORDS, pruneJobs } from './prune-jobs.ts';

/** A record of a thousand VMs with ten disks each has about 3 MB; a larger file is not a job record. */
const MAX_RECORD_BYTES = 16 * 1024 * 1024;
const SUFFIX = '.json';
/** The name of the newest job, wherever an ID is expected. No ID begins like it. */
export const LAST_JOB = 'last';

export interface NewJob {
  kind: JobRecord['kind'];
  request: JobRecord['request'];
  env: NodeJS.ProcessEnv;
  /** Called once, with a sentence, when the record cannot be written; the job continues. */
  onProblem: (message: string) => void;
  /** Removes secrets from error texts. */
  redact?: ((text: string) => string) | undefined;
  /** The reservation for a detached job, see `reserveJob`. */
  reserved?: { id: string; log: string } | undefined;
}

/** Creates the record of a job of this process, in state `running`, and prunes old records. Never rejects. */
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
 * Lists records, newest first; reads at most `limit` of them. A record that cannot be read is in the list with
 * `problem` set. A missing folder counts as empty.
 * @throws Hyper2kvmError `local-file` when the folder cannot be read.
 */
export async function listJobs(env: NodeJS.ProcessEnv, { limit = KEPT_RECORDS } = {}): Promise<JobView[]> {
  const folder = jobsFolder(env);
  const ids = await recordIds(folder);
  return Promise.all(ids.slice(0, limit).map((id) => readView(folder, id)));
}

/**
 * The IDs of all records, newest first.
 * @throws Hyper2kvmError `local-file` when the folder cannot be read.
 */
export async function listJobIds(env: NodeJS.ProcessEnv): Promise<string[]> {
  return recordIds(jobsFolder(env));
}

/**
 * Reads the one record that `id` names, which is unvalidated user input: {@link LAST_JOB}, the start of an ID, or the
 * start of its random part.
 * @throws Hyper2kvmError `not-found` when no record matches, or several do (the message lists them); `local-file` when
 * the folder cannot be read.
 */
export async function readJob(env: NodeJS.ProcessEnv, id: string): Promise<JobView> {
  const folder = jobsFolder(env);
  const ids = await recordIds(folder);
  const matches = idsNamed(id, ids);
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

function idsNamed(id: string, ids: readonly string[]): string[] {
  if (id === LAST_JOB) return ids.slice(0, 1);
  if (ids.includes(id)) return [id];
  return id === '' ? [] : ids.filter((known) => known.startsWith(id) || shortId(known).startsWith(id));
}

/** Newest first, because IDs start with the time. */
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

/** The record `id` of `folder`, as displayed. `hasEnded` is for tests: it is called between the two reads of a record. */
export async function readView(folder: string, id: string, hasEnded = isProcessOver): Promise<JobView> {
  const file = join(folder, id + SUFFIX);
  try {
    const seen = await readWithLiveness(
      () => readRecord(file),
      (record) => (record?.state === 'running' ? record.process : undefined),
      hasEnded,
    );
    const record = seen.kept;
    // A record under another job's name is as untrustworthy as one that cannot be parsed.
    if (record === undefined || record.id !== id) return unreadable(file, id, 'it is not a complete job record');
    return { ...record, file, ...(seen.hasEnded ? { state: 'interrupted' } : {}) };
  } catch (error) {
    return unreadable(file, id, sentenceOf(error));
  }
}

/**
 * Undefined for a file that is not a complete record.
 * @throws for a record that a later release wrote.
 */
async function readRecord(file: string): Promise<JobRecord | undefined> {
  const text = await readOwnFile(file, { maxBytes: MAX_RECORD_BYTES });
  const later = laterVersion(text);
  if (later === undefined) return parseRecord(text);
  throw new Hyper2kvmError('local-file', `it was written by a later version of hyper2kvm (schemaVersion ${later})`);
}

/** A placeholder for a record that cannot be read, so that a list can show it. */
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
