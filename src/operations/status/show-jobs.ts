import type { JobView } from '../../jobs/job-record.ts';
import { listJobIds, listJobs, readJob } from '../../jobs/job-store.ts';

/**
 * The record of one job. A record whose process has exited is shown as `interrupted`.
 * @throws not-found for an unknown id.
 */
export function showJob(env: NodeJS.ProcessEnv, id: string): Promise<JobView> {
  return readJob(env, id);
}

/** All records, newest first. */
export function showJobs(env: NodeJS.ProcessEnv): Promise<JobView[]> {
  return listJobs(env, { limit: Infinity });
}

/** The ids of all jobs with a record, newest first. */
export function knownJobs(env: NodeJS.ProcessEnv): Promise<string[]> {
  return listJobIds(env);
}

/** The ids of the running jobs, as far as this host can tell. */
export async function runningJobs(env: NodeJS.ProcessEnv): Promise<string[]> {
  return (await listJobs(env)).filter(({ state }) => state === 'running').map(({ id }) => id);
}
