import type { JobView } from '../../jobs/job-record.ts';
import { listJobIds, listJobs, readJob } from '../../jobs/job-store.ts';

/** The record of one job. A record whose process is gone shows as `interrupted`; an unknown id is a not-found error. */
export function showJob(env: NodeJS.ProcessEnv, id: string): Promise<JobView> {
  return readJob(env, id);
}

/** All records, the newest first. */
export function showJobs(env: NodeJS.ProcessEnv): Promise<JobView[]> {
  return listJobs(env, { limit: Infinity });
}

/** The ids of the jobs that have a record, the newest first. */
export function knownJobs(env: NodeJS.ProcessEnv): Promise<string[]> {
  return listJobIds(env);
}

/** Those of the jobs that run, as far as can be seen from here. */
export async function runningJobs(env: NodeJS.ProcessEnv): Promise<string[]> {
  return (await listJobs(env)).filter(({ state }) => state === 'running').map(({ id }) => id);
}
