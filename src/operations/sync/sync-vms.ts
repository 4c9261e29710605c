import { FileClaims } from '../../base/claims/file-claim.ts';
import { forEachConcurrently } from '../../base/concurrency.ts';
import { InterruptedError } from '../../base/errors.ts';
import { RateLimiter } from '../../base/rate-limiter.ts';
import { SharedWorkers } from '../../image/copy/shared-workers.ts';
import type { JobHandle } from '../../jobs/job-handle.ts';
import { createJob } from '../../jobs/job-store.ts';
import type { VsphereClient } from '../../vsphere/session/vsphere-client.ts';
import { addressOf } from '../../vsphere/connection/certificate-trust.ts';
import { CleanUp } from '../clean-up.ts';
import { endJob } from '../end-job.ts';
import { withDiskSizes } from '../export/plan/disk-sizes.ts';
import { findAllVms } from '../export/plan/find-vms.ts';
import { describeFailure } from '../export/run/export-outcome.ts';
import { JobProgress } from '../export/run/job-progress.ts';
import { RunMeter } from '../export/run/run-meter.ts';
import { NfcRun } from '../export/source/nfc-run.ts';
import type { OperationContext } from '../operation-context.ts';
import { openSession } from '../server-session.ts';
import { exitCodeOfSync, stateOfSync } from './sync-outcome.ts';
import type { SyncShared } from './scope.ts';
import { syncOne } from './sync-one.ts';
import type { CutOverReplica, SyncEvent, SyncOptions, SyncResult, VmSyncResult } from './types.ts';

const MOST_WORKERS = 2;

/**
 * Brings the replicas of VMs to their present state, `jobs` VMs at once. A VM that fails does not stop the others.
 * Writes a job record. Does not change the power state of a VM.
 * @throws errors that affect all VMs and the signal's reason, in both cases after clean-up.
 */
export async function syncVms(options: SyncOptions, context: OperationContext<SyncEvent>): Promise<SyncResult> {
  const meter = new RunMeter();
  const progress = new JobProgress(meter);
  const report = (event: SyncEvent): void => {
    const isChange = meter.take(event);
    progress.take(event);
    context.report(event);
    if (isChange) context.report({ type: 'totals', totals: meter.totals() });
  };
  const warn = (message: string): void => report({ type: 'warning', vm: undefined, message });
  const { connection, vms, format, output, notify, env } = options;
  const request = { server: addressOf(connection.url), vms, format, output };
  const job = await createJob({ kind: 'sync', request, env, onProblem: warn, redact: connection.redact });
  progress.attach(job);
  const end = (...how: Parameters<JobHandle['end']>) => endJob(job, how, { notify, env, warn });
  try {
    const result = await syncAll(options, { ...context, report }, { job: job.id, warn });
    await end(result.state, undefined, exitCodeOfSync(result));
    return result;
  } catch (error) {
    await end(error instanceof InterruptedError ? 'interrupted' : 'failed', error);
    throw error;
  }
}

async function syncAll(
  options: SyncOptions,
  { signal, report }: OperationContext<SyncEvent>,
  { job, warn }: { job: string; warn: (message: string) => void },
): Promise<SyncResult> {
  await using cleanUp = new CleanUp(warn);
  const server = addressOf(options.connection.url);
  report({ type: 'step', vm: undefined, step: 'connect', detail: `Connecting to ${server}` });
  const client = await openSession(options.connection, cleanUp, signal);
  const power = { kind: 'snapshot', quiesce: options.quiesce } as const;
  const { found, failures } = await findAllVms(client, { ...options, power }, signal);
  const failed = failures.map(({ word, error }) => {
    report({ type: 'vm-failed', work: 'sync', vm: word, error, leftBehind: [] });
    return describeFailure(word, error);
  });
  report({ type: 'run-started', job, vms: await withDiskSizes(client, found, signal) });
  const shared = shareAmong(client, options, { job, warn, report });
  const synced: (VmSyncResult | undefined)[] = [];
  const skipped: (CutOverReplica | undefined)[] = [];
  const numbered = found.map((each, index) => ({ each, index }));
  await forEachConcurrently(numbered, options.jobs, signal, async ({ each, index }) => {
    const outcome = await syncOne(each, { index, count: found.length }, shared, signal);
    if ('failed' in outcome) failed.push(outcome.failed);
    else if ('skipped' in outcome) skipped[index] = outcome.skipped;
    else synced[index] = outcome.synced;
  });
  const results = {
    synced: synced.filter((each) => each !== undefined),
    skipped: skipped.filter((each) => each !== undefined),
    failed,
  };
  return { job, state: stateOfSync(results), ...results };
}

/** Makes what the VMs of a run share. */
export function shareAmong<Report extends SyncShared['report']>(
  client: VsphereClient,
  options: SyncOptions,
  { job, warn, report }: { job: string; warn: (message: string) => void; report: Report },
): SyncShared & { report: Report } {
  const workers = new SharedWorkers(MOST_WORKERS);
  return {
    client,
    options,
    job,
    limiter: options.limitRateBytes === undefined ? undefined : new RateLimiter(options.limitRateBytes),
    workers,
    hashes: { broken: false },
    nfc: new NfcRun(client, { depth: options.nfcDepth, readTimeoutMs: options.stallTimeoutMs }, workers),
    claims: new FileClaims({ env: options.env, onProblem: warn }),
    report,
  };
}
