import type { ErrorKind } from '../../base/errors.ts';
import type { JobView } from '../../jobs/job-record.ts';

/** One check. `kind` selects the exit code if the finding is an error. */
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
  /** Newest first. */
  jobs: JobView[];
}
