import { pause } from '../../base/time-limit.ts';
import type { JobView } from '../../jobs/job-record.ts';
import { readJob } from '../../jobs/job-store.ts';
import type { OperationContext } from '../operation-context.ts';

/** The current record of a followed job. */
export interface JobSeenEvent {
  type: 'job-seen';
  job: JobView;
}

/** A record is written at most once a second. */
const LOOK_INTERVAL_MS = 500;

/**
 * Polls the record of a job until the job has ended, and returns the final record. A job on another host is followed
 * by its record only.
 * @throws not-found for an unknown id; the signal's reason, while the job continues.
 */
export async function followJob(
  { env, id }: { env: NodeJS.ProcessEnv; id: string },
  { signal, report }: OperationContext<JobSeenEvent>,
): Promise<JobView> {
  let job = await readJob(env, id);
  for (;;) {
    report({ type: 'job-seen', job });
    if (job.state !== 'running') return job;
    await pause(LOOK_INTERVAL_MS, signal);
    // Use the full id from now on: a job that begins meanwhile may share the prefix that was typed.
    job = await readJob(env, job.id);
  }
}
