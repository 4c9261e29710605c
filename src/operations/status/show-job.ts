import type { JobView } from '../../jobs/job-record.ts';
import { readJob } from '../../jobs/job-store.ts';

/** The record of one job. A record whose process is gone shows as `interrupted`; an unknown id is a not-found error. */
export function showJob(env: NodeJS.ProcessEnv, id: string): Promise<JobView> {
  return readJob(env, id);
}
