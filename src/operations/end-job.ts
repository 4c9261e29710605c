import type { JobHandle } from '../jobs/job-handle.ts';
import { runNotifyCommand, type NotifyOptions } from '../jobs/notify-command.ts';

export interface EndOptions {
  notify: NotifyOptions | undefined;
  env: NodeJS.ProcessEnv;
  warn: (message: string) => void;
}

/** Closes the record of a job, then sends the notifications. A failed notification is a warning. Never rejects. */
export async function endJob(
  job: JobHandle,
  how: Parameters<JobHandle['end']>,
  { notify, env, warn }: EndOptions,
): Promise<void> {
  await job.end(...how);
  const problem = notify && (await runNotifyCommand(job.record, notify, env));
  if (problem !== undefined) warn(problem);
}
