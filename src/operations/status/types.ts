import type { ErrorKind } from '../../base/errors.ts';
import type { ReplicaView } from '../sync/types.ts';
import type { JobView } from '../../jobs/job-record.ts';

/**
 * One check. `kind` selects the exit code if the finding is an error. An `ok` with a `hint` is something optional that
 * is missing, and how to get it.
 */
export interface StatusFinding {
  area: 'host' | 'server';
  check: string;
  level: 'ok' | 'warning' | 'error';
  detail: string;
  hint?: string;
  kind?: ErrorKind;
}

/** What `check` found. */
export interface CheckResult {
  version: string;
  findings: StatusFinding[];
}

export interface StatusResult {
  version: string;
  findings: StatusFinding[];
  /** Newest first. */
  jobs: JobView[];
  /** The replicas in the output folder, by name. */
  replicas: ReplicaView[];
}
