import { listJobs } from '../../jobs/job-store.ts';
import type { ConnectionSettings } from '../../vsphere/connection/connection-settings.ts';
import type { OperationContext, WarningEvent } from '../operation-context.ts';
import { inspectHost } from './host-findings.ts';
import { inspectServer } from './server-findings.ts';
import type { StatusResult } from './types.ts';

export interface StatusOptions {
  /** This program's own version. */
  version: string;
  /** The profile of the configuration file that counts, in words. */
  profile?: string | undefined;
  /** The server to look at; without one only the host is looked at. */
  connection?: ConnectionSettings;
  /** Where exports would go. */
  output: string;
  /** Also look for the privileges that `export --snapshot` needs. */
  snapshot: boolean;
  env: NodeJS.ProcessEnv;
  /** How many of the newest jobs to show. */
  limit?: number;
}

/** Can this host and that server do the job, and what became of the jobs that ran. Changes nothing. */
export async function checkStatus(
  { version, profile, connection, output, snapshot, env, limit = 10 }: StatusOptions,
  { signal }: Pick<OperationContext<WarningEvent>, 'signal'>,
): Promise<StatusResult> {
  const host = await inspectHost({ version, profile, output, env }, signal);
  const server = connection ? await inspectServer(connection, snapshot, signal) : [];
  return { version, findings: [...host, ...server], jobs: await listJobs(env, { limit }) };
}
