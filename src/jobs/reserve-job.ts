import { open, rm } from 'node:fs/promises';
import { join } from 'node:path';
import { errnoOf, localFileError } from '../base/files/local-file-error.ts';
import { makeOwnFolder } from '../base/files/own-file.ts';
import { newJobId } from './job-record-text.ts';
import { jobsFolder } from './jobs-folder.ts';
import type { JobRecord } from './job-record.ts';

/** The reserved ID and log file for a job that another process will run. */
export interface ReservedJob {
  id: string;
  /** Absolute path; removed with the job's record. */
  log: string;
  /** Descriptor of the open log; the caller that reserved it must close it. */
  descriptor: number;
  close(): Promise<void>;
  /** Withdraws the reservation when no job was started. */
  withdraw(): Promise<void>;
}

/** IDs contain 32 random bits in addition to the time in seconds, so collisions are rare. */
const TRIES = 5;

/**
 * Reserves an ID by creating its log file with access only for its owner.
 * @throws Hyper2kvmError `local-file`
 */
export async function reserveJob(env: NodeJS.ProcessEnv, kind: JobRecord['kind']): Promise<ReservedJob> {
  const folder = jobsFolder(env);
  await makeOwnFolder(folder);
  for (let attempt = 1; ; attempt += 1) {
    const id = newJobId(kind, new Date());
    const log = join(folder, `${id}.log`);
    try {
      const file = await open(log, 'ax', 0o600);
      const withdraw = () => rm(log, { force: true });
      return { id, log, descriptor: file.fd, close: () => file.close(), withdraw };
    } catch (error) {
      if (errnoOf(error) !== 'EEXIST' || attempt === TRIES) throw localFileError('make', log, error);
    }
  }
}
