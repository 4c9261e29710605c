import { JobLines } from '../../cli/report/job-lines.ts';
import { jobReport } from '../../cli/report/status-report.ts';
import { createJobScreen, type JobScreen } from '../../cli/screen/job-screen.ts';
import type { JobView } from '../../jobs/job-record.ts';
import type * as FollowJob from '../../operations/status/follow-job.ts';
import type * as JobOutcome from '../../operations/status/job-outcome.ts';

export type FollowOperation = [typeof FollowJob, typeof JobOutcome];

/** What a command gives to follow a job. */
export interface Follower {
  operation: Promise<FollowOperation>;
  env: NodeJS.ProcessEnv;
  signal: AbortSignal;
  quiet: boolean;
  print: (lines: readonly string[]) => void;
  failWith: (error: Error) => void;
}

/** Prints the progress of a job until it ends, then its record, and fails as the job did. */
export async function followToEnd(
  id: string,
  { operation, env, signal, quiet, print, failWith }: Follower,
): Promise<JobView> {
  const [{ followJob }, { jobOutcome }] = await operation;
  const lines = new JobLines(Date.now);
  let screen: JobScreen | undefined;
  let isFirst = true;
  const report = ({ job }: { job: JobView }): void => {
    if (quiet) return;
    if (isFirst) screen = createJobScreen({ stream: process.stderr, env, job });
    isFirst = false;
    if (screen === undefined) print(lines.take(job));
    else screen.show(job);
  };
  let job: JobView;
  try {
    job = await followJob({ env, id }, { signal, report });
  } finally {
    await screen?.stop();
  }
  print(jobReport(job));
  const outcome = jobOutcome(job);
  if (outcome !== undefined) failWith(outcome);
  return job;
}
