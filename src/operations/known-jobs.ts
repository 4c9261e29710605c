import { listJobIds } from '../jobs/job-store.ts';

/** The ids of the jobs that have a record, the newest first. */
export function knownJobs(env: NodeJS.ProcessEnv): Promise<string[]> {
  return listJobIds(env);
}
