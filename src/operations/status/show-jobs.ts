import type { JobView } from '../../jobs/job-record.ts';
import { listJobs } from '../../jobs/job-store.ts';

/** All records, the newest first. */
export function showJobs(env: NodeJS.ProcessEnv): Promise<JobView[]> {
  return listJobs(env, { limit: Infinity });
}
