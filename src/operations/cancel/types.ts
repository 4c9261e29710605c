import type { JobError } from '../../jobs/job-record.ts';

/** A job was asked to end. */
export interface CancellingEvent {
  type: 'cancelling';
  job: string;
  pid: number;
}

export interface CancelResult {
  /** Ids of the jobs that this call ended, with nothing left on the server. */
  cancelled: string[];
  /** `job` is the id, or the value that was given as an id. */
  failed: { job: string; error: JobError }[];
}
