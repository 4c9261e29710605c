import type { JobState, JobView } from '../../jobs/job-record.ts';
import { LAST_JOB, listJobIds, listJobs, readJob } from '../../jobs/job-store.ts';

/**
 * The record of one job. A record whose process has exited is shown as `interrupted`.
 * @throws not-found for an unknown id.
 */
export function showJob(env: NodeJS.ProcessEnv, id: string): Promise<JobView> {
  return readJob(env, id);
}

/** All records, newest first; with `states` only those in one of these states. */
export async function showJobs(
  env: NodeJS.ProcessEnv,
  { states }: { states?: readonly JobState[] } = {},
): Promise<JobView[]> {
  const jobs = await listJobs(env, { limit: Infinity });
  return states === undefined ? jobs : jobs.filter(({ state }) => states.includes(state));
}

/** The ID of the newest running job, else of the newest job: what `jobs --follow` follows. */
export async function jobToFollow(env: NodeJS.ProcessEnv): Promise<string> {
  return (await runningJobs(env))[0] ?? LAST_JOB;
}

/** The ids of all jobs with a record, newest first. */
export function knownJobs(env: NodeJS.ProcessEnv): Promise<string[]> {
  return listJobIds(env);
}

/** The ids of the running jobs, as far as this host can tell. */
export async function runningJobs(env: NodeJS.ProcessEnv): Promise<string[]> {
  return (await listJobs(env)).filter(({ state }) => state === 'running').map(({ id }) => id);
}
