import { formatCount } from '../../../base/text/amounts.ts';
import { forEachConcurrently } from '../../../base/concurrency.ts';
import { Hyper2kvmError, InterruptedError } from '../../../base/errors.ts';
import { FileClaims } from '../../../base/claims/file-claim.ts';
import { RateLimiter } from '../../../base/rate-limiter.ts';
import { SharedWorkers } from '../../../image/copy/shared-workers.ts';
import type { JobHandle } from '../../../jobs/job-handle.ts';
import { createJob } from '../../../jobs/job-store.ts';
import { addressOf } from '../../../vsphere/connection/certificate-trust.ts';
import { CleanUp } from '../../clean-up.ts';
import { endJob } from '../../end-job.ts';
import { openSession } from '../../server-session.ts';
import type { DiskSourceFactory } from '../source/disk-source.ts';
import { DISK_SOURCES } from '../source/disk-sources.ts';
import { NfcRun } from '../source/nfc-run.ts';
import { describeFailure, exitCodeOfExport, stateOfExport } from './export-outcome.ts';
import { exportOne, type RunShared, type VmOutcome } from './export-one.ts';
import { withDiskSizes } from '../plan/disk-sizes.ts';
import { findAllVms } from '../plan/find-vms.ts';
import { JobProgress } from './job-progress.ts';
import { RunMeter } from './run-meter.ts';
import type { ExportEvent, ExportOptions, ExportResult, OperationContext } from '../types.ts';

/** Two workers decompress 1 GB of disk data per second, more than a host's NFC delivers. Each further worker would take 25 MB. */
const MOST_WORKERS = 2;

/**
 * Exports VMs in one session, `jobs` of them concurrently. A VM that fails does not stop the others. Disks are read
 * through `diskSource`. Writes a job record.
 * @throws errors that affect all VMs (no connection, no login) and the signal's reason, in both cases after clean-up.
 */
export async function exportVms(
  options: ExportOptions,
  context: OperationContext<ExportEvent>,
  diskSource: DiskSourceFactory = DISK_SOURCES[options.transport],
): Promise<ExportResult> {
  const meter = new RunMeter();
  const progress = new JobProgress(meter);
  const report = (event: ExportEvent) => {
    // Errors before the first step of a detached job are reported in the foreground: a failed login, an unknown VM, a
    // VM that cannot be exported, a folder locked by another run.
    if (event.type === 'vm-skipped' || (event.type === 'step' && event.vm !== undefined)) options.detached?.onBegin();
    const isChange = meter.take(event);
    progress.take(event);
    context.report(event);
    if (isChange) context.report({ type: 'totals', totals: meter.totals() });
  };
  const warn = (message: string) => report({ type: 'warning', vm: undefined, message });
  const job = await createJob({
    kind: 'export',
    request: {
      server: addressOf(options.connection.url),
      vms: options.vms,
      format: options.encode.format,
      output: options.output ?? '.',
    },
    env: options.env,
    onProblem: warn,
    redact: options.connection.redact,
    reserved: options.detached,
  });
  progress.attach(job);
  const { notify, env } = options;
  const end = (...how: Parameters<JobHandle['end']>) => endJob(job, how, { notify, env, warn });
  try {
    requireRecord(job, options.detached);
    const result = await exportAll(options, { ...context, report }, { job, warn, diskSource });
    // A shard may contain no VM.
    if (result.state !== 'failed') options.detached?.onBegin();
    await end(result.state, undefined, exitCodeOfExport(result));
    return result;
  } catch (error) {
    await end(error instanceof InterruptedError ? 'interrupted' : 'failed', error);
    throw error;
  }
}

/** A detached job without a record could be neither followed nor cancelled. */
function requireRecord(job: JobHandle, detached: ExportOptions['detached']): void {
  if (detached === undefined || job.isKept) return;
  throw new Hyper2kvmError('local-file', `The record ${job.file} of the detached job could not be written.`);
}

async function exportAll(
  options: ExportOptions,
  { signal, report }: OperationContext<ExportEvent>,
  { job, warn, diskSource }: { job: JobHandle; warn: (message: string) => void; diskSource: DiskSourceFactory },
): Promise<ExportResult> {
  const startedAtMs = Date.now();
  await using cleanUp = new CleanUp(warn);
  const tell = (step: 'connect' | 'find', detail: string) => report({ type: 'step', vm: undefined, step, detail });
  tell('connect', `Connecting to ${addressOf(options.connection.url)}`);
  const client = await openSession(options.connection, cleanUp, signal);
  const { found, failures, several, managed, ofVms } = await findAllVms(client, options, signal);
  const { shard } = options;
  report({ type: 'run-started', job: job.id, vms: await withDiskSizes(client, found, signal, options.disks) });
  if (managed.length > 0) tell('find', `Skipping VMs that extensions of the server manage: ${managed.join(', ')}`);
  const share = shard && { ...shard, vms: found.length, ofVms };
  if (share) tell('find', shareWords(share));
  const failed = failures.map(({ word, error }) => {
    report({ type: 'vm-failed', vm: word, error, leftBehind: [] });
    return describeFailure(word, error);
  });
  const workers = new SharedWorkers(MOST_WORKERS);
  const run: RunShared = {
    client,
    options,
    several,
    job: job.id,
    limiter: options.limitRateBytes === undefined ? undefined : new RateLimiter(options.limitRateBytes),
    workers,
    hashes: { broken: false },
    diskSource,
    nfc: new NfcRun(client, { depth: options.nfcDepth, readTimeoutMs: options.stallTimeoutMs }, workers),
    claims: new FileClaims({ env: options.env, onProblem: warn }),
    report,
  };
  const outcomes: VmOutcome[] = [];
  const numbered = found.map((each, index) => ({ each, index }));
  await forEachConcurrently(numbered, options.jobs, signal, async ({ each, index }) => {
    outcomes[index] = await exportOne(each, { index, count: found.length }, run, signal);
  });
  const exported = outcomes.flatMap((outcome) => ('exported' in outcome ? [outcome.exported] : []));
  const skipped = outcomes.flatMap((outcome) => ('skipped' in outcome ? [outcome.skipped] : []));
  failed.push(...outcomes.flatMap((outcome) => ('failed' in outcome ? [outcome.failed] : [])));
  const state = stateOfExport({ exported, skipped, failed });
  const seconds = (Date.now() - startedAtMs) / 1000;
  return { job: job.id, state, exported, skipped, failed, seconds, ...(share && { share }) };
}

function shareWords({ index, count, vms, ofVms }: NonNullable<ExportResult['share']>): string {
  const share = `Shard ${index}/${count}`;
  return vms === 0
    ? `${share}: ${ofVms === 1 ? 'the only VM is' : `all ${ofVms} VMs are`} in other shards`
    : `${share}: ${vms} of ${formatCount(ofVms, 'VM')}`;
}
