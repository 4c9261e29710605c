import type { ErrorKind } from '../../base/errors.ts';
import type { JobView } from '../../jobs/job-record.ts';

/** One thing that was looked at. `kind` chooses the exit code of a finding that is an error. */
export interface StatusFinding {
  area: 'host' | 'server';
  check: string;
  level: 'ok' | 'warning' | 'error';
  detail: string;
  hint?: string;
  kind?: ErrorKind;
}

export interface StatusResult {
  version: string;
  findings: StatusFinding[];
  /** The newest first. */
  jobs: JobView[];
}
