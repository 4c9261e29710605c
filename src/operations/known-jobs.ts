import { listJobIds, listJobs } from '../jobs/job-store.ts';

/** The ids of the jobs that have a record, the newest first. */
export function knownJobs(env: NodeJS.ProcessEnv): Promise<string[]> {
  return listJobIds(env);
}

/** Those of the jobs that run, as far as can be seen from here. */
export async function runningJobs(env: NodeJS.ProcessEnv): Promise<string[]> {
  return (await listJobs(env)).filter(({ state }) => state === 'running').map(({ id }) => id);
}
