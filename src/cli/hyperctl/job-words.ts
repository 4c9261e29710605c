import type { JobView } from '../../jobs/job-record.ts';

/** hyperctl's names for the states of a job. */
export const JOB_WORDS = ['pending', 'running', 'completed', 'failed', 'cancelled'] as const;
export type JobWord = (typeof JOB_WORDS)[number];

/** The state of a job in hyperctl's terms. A job that is still connecting is `pending`; one whose process was killed has `failed`. */
export function jobWord(job: JobView): JobWord {
  switch (job.state) {
    case 'running':
      return job.vms.length === 0 ? 'pending' : 'running';
    case 'done':
      return (job.exitCode ?? 0) === 0 ? 'completed' : 'failed';
    case 'interrupted':
      return job.endedAt === undefined ? 'failed' : 'cancelled';
    case 'partial':
    case 'failed':
    default:
      return 'failed';
  }
}

/**
 * Callers search the output for state words to detect the end of a job. This inserts a dot into `completed`, `failed`
 * and `cancelled` in names and messages, so that they do not match.
 */
export function withoutStateWords(text: string): string {
  return text.replace(/(complet|fail|cancell)(ed)/gi, '$1·$2');
}
