import { open, rm } from 'node:fs/promises';
import { join } from 'node:path';
import { errnoOf, localFileError } from '../base/files/local-file-error.ts';
import { makeOwnFolder } from '../base/files/own-file.ts';
import { newJobId } from './job-record-text.ts';
import { jobsFolder } from './jobs-folder.ts';
import type { JobRecord } from './job-record.ts';

/** An id that a job of another process is to have, and the file for its output. */
export interface ReservedJob {
  id: string;
  /** Absolute; it is removed with the job's record. */
  log: string;
  /** The open log, which whoever reserved closes. */
  descriptor: number;
  close(): Promise<void>;
  /** Takes the reservation back: no job came of it. */
  withdraw(): Promise<void>;
}

/** Ids have 32 random bits beside their second. */
const TRIES = 5;

/** Reserves an id by making its log, for its owner alone. Throws kind `local-file`. */
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
