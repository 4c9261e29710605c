import type { JobView } from '../../jobs/job-record.ts';
import { jobWord, type JobWord } from './job-words.ts';

/** Reports that the service runs, because callers expect a daemon, and the number of jobs in each state. */
export function statusLines(version: string, jobs: readonly JobView[]): string[] {
  const words = jobs.map(jobWord);
  const count = (word: JobWord): number => words.filter((each) => each === word).length;
  return [
    `✓ Status: running (hyper2kvm ${version}, no daemon is needed)`,
    `✓ Job Statistics: ${jobs.length} total, ${count('completed')} completed, ${count('failed')} failed`,
    `✓ Now: ${count('running') + count('pending')} running, ${count('cancelled')} cancelled before`,
  ];
}
