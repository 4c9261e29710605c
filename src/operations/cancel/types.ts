import type { JobError } from '../../jobs/job-record.ts';

/** A job that was told to end. */
export interface CancellingEvent {
  type: 'cancelling';
  job: string;
  pid: number;
}

export interface CancelResult {
  /** Ids of jobs that ended because of this, with nothing left on the server. */
  cancelled: string[];
  /** `job` is the id, or what was given for one. */
  failed: { job: string; error: JobError }[];
}
