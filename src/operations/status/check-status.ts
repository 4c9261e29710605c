import { listJobs } from '../../jobs/job-store.ts';
import type { ConnectionSettings } from '../../vsphere/connection/connection-settings.ts';
import type { OperationContext, WarningEvent } from '../operation-context.ts';
import { listReplicas } from '../sync/list-replicas.ts';
import { inspectHost } from './host-findings.ts';
import { inspectServer } from './server-findings.ts';
import type { CheckResult, StatusResult } from './types.ts';

export interface CheckOptions {
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
}

export interface StatusOptions extends CheckOptions {
  /** How many of the newest jobs to show. */
  limit?: number;
}

/** Checks whether this host and the server are ready for exports. Changes nothing. */
export async function checkReadiness(
  { version, profile, connection, output, snapshot, env }: CheckOptions,
  { signal }: Pick<OperationContext<WarningEvent>, 'signal'>,
): Promise<CheckResult> {
  const host = await inspectHost({ version, profile, output, env }, signal);
  const server = connection ? await inspectServer(connection, snapshot, signal) : [];
  return { version, findings: [...host, ...server] };
}

/** Like {@link checkReadiness}, with the outcome of recent jobs and the replicas in the output folder. */
export async function checkStatus(
  { limit = 10, ...options }: StatusOptions,
  context: Pick<OperationContext<WarningEvent>, 'signal'>,
): Promise<StatusResult> {
  const ready = await checkReadiness(options, context);
  const jobs = await listJobs(options.env, { limit });
  return { ...ready, jobs, replicas: await listReplicas(options.output) };
}
