import { listJobs } from '../../jobs/job-store.ts';
import type { ConnectionSettings } from '../../vsphere/connection/connection-settings.ts';
import type { OperationContext, WarningEvent } from '../operation-context.ts';
import { inspectHost } from './host-findings.ts';
import { inspectServer } from './server-findings.ts';
import type { StatusResult } from './types.ts';

export interface StatusOptions {
  /** This program's own version. */
  version: string;
  /** A description of the configuration profile in effect. */
  profile?: string | undefined;
  /** The server to check; without one only the host is checked. */
  connection?: ConnectionSettings;
  /** The folder for exports. */
  output: string;
  /** Also check the privileges that `export --snapshot` needs. */
  snapshot: boolean;
  env: NodeJS.ProcessEnv;
  /** How many of the newest jobs to show. */
  limit?: number;
}

/**
 * Checks whether this host and the server are ready for exports, and lists the outcome of recent jobs. Changes
 * nothing.
 */
export async function checkStatus(
  { version, profile, connection, output, snapshot, env, limit = 10 }: StatusOptions,
  { signal }: Pick<OperationContext<WarningEvent>, 'signal'>,
): Promise<StatusResult> {
  const host = await inspectHost({ version, profile, output, env }, signal);
  const server = connection ? await inspectServer(connection, snapshot, signal) : [];
  return { version, findings: [...host, ...server], jobs: await listJobs(env, { limit }) };
}
