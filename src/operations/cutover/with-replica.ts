import { Hyper2kvmError, InterruptedError } from '../../base/errors.ts';
import { FileClaims } from '../../base/claims/file-claim.ts';
import type { JobHandle } from '../../jobs/job-handle.ts';
import { createJob } from '../../jobs/job-store.ts';
import { addressOf } from '../../vsphere/connection/certificate-trust.ts';
import { CleanUp } from '../clean-up.ts';
import { endJob } from '../end-job.ts';
import type { ExportStep } from '../events.ts';
import { withDiskSizes } from '../export/plan/disk-sizes.ts';
import { findAllVms, type FoundVm } from '../export/plan/find-vms.ts';
import { JobProgress } from '../export/run/job-progress.ts';
import { RunMeter } from '../export/run/run-meter.ts';
import { outputFolder } from '../export/target/output-folder.ts';
import type { OperationContext } from '../operation-context.ts';
import { openSession } from '../server-session.ts';
import type { VsphereClient } from '../../vsphere/session/vsphere-client.ts';
import { endOfCutover } from './cutover-outcome.ts';
import { lockReplica } from './lock-replica.ts';
import type { PlaceScope } from './scope.ts';
import type { CutoverEvent, CutoverResult, RollbackOptions, RollbackResult } from './types.ts';

/** A locked folder of a replica, before the record of its cutover was read. */
export interface LockedPlace extends Omit<PlaceScope, 'state'> {
  job: string;
  vm: string;
  moRef: string;
  inventoryPath: string;
  report: (event: CutoverEvent) => void;
}

/**
 * Runs `work` as a job on the replica of one VM, whose folder is locked. Waits for a round that is running.
 * @throws the errors of `work`, after clean-up.
 */
export async function withReplica<Result extends CutoverResult | RollbackResult>(
  options: Omit<RollbackOptions, 'force'>,
  context: OperationContext<CutoverEvent>,
  work: (place: LockedPlace, signal: AbortSignal) => Promise<Result>,
): Promise<Result> {
  const meter = new RunMeter();
  const progress = new JobProgress(meter);
  const report = (event: CutoverEvent): void => {
    const isChange = meter.take(event);
    progress.take(event);
    context.report(event);
    if (isChange) context.report({ type: 'totals', totals: meter.totals() });
  };
  const { connection, vm, output, notify, env } = options;
  const warn = (message: string): void => report({ type: 'warning', vm: undefined, message });
  const request = { server: addressOf(connection.url), vms: [vm], format: 'replica', output };
  const job = await createJob({ kind: 'cutover', request, env, onProblem: warn, redact: connection.redact });
  progress.attach(job);
  const end = (...how: Parameters<JobHandle['end']>) => endJob(job, how, { notify, env, warn });
  try {
    const result = await run(options, { ...context, report }, { job: job.id, warn, work });
    const { state, exitCode } = endOfCutover(result);
    await end(state, undefined, exitCode);
    return result;
  } catch (error) {
    await end(error instanceof InterruptedError ? 'interrupted' : 'failed', error);
    throw error;
  }
}

async function run<Result extends CutoverResult | RollbackResult>(
  options: Omit<RollbackOptions, 'force'>,
  { signal, report }: OperationContext<CutoverEvent>,
  {
    job,
    warn: warnRun,
    work,
  }: {
    job: string;
    warn: (message: string) => void;
    work: (place: LockedPlace, signal: AbortSignal) => Promise<Result>;
  },
): Promise<Result> {
  await using cleanUp = new CleanUp(warnRun);
  const startedAt = Date.now();
  const { connection, env } = options;
  report({ type: 'step', vm: undefined, step: 'connect', detail: `Connecting to ${addressOf(connection.url)}` });
  const client = await openSession(connection, cleanUp, signal);
  const found = await findOne(client, options, signal);
  report({ type: 'run-started', job, vms: await withDiskSizes(client, [found], signal) });
  const { label: vm, baseName } = found;
  const { inventoryPath, ref } = found.vm;
  const output = outputFolder(options.output, baseName, true);
  report({ type: 'vm-started', work: 'cutover', vm, inventoryPath, index: 0, count: 1, output });
  const warnings: string[] = [];
  const leftBehind: string[] = [];
  const warn = (message: string): void => {
    warnings.push(message);
    report({ type: 'warning', vm, message });
  };
  const step = (id: ExportStep, detail: string): void => report({ type: 'step', vm, step: id, detail });
  try {
    const claims = new FileClaims({ env, onProblem: warnRun });
    const wait = { limitMs: options.roundLimitMs, onWait: (sentence: string) => step('preflight', sentence) };
    await using held = new AsyncDisposableStack();
    const lock = { output, baseName, doing: `the cutover of ${vm}` };
    held.use(await lockReplica(lock, { job, claims }, wait, signal));
    const { shutdownLimitMs } = options;
    const place = { client, found, env, output, shutdownLimitMs, warnings, leftBehind, warn, step, report };
    const result = await work({ ...place, job, vm, moRef: ref.value, inventoryPath }, signal);
    result.seconds = (Date.now() - startedAt) / 1000;
    report({ type: 'vm-finished', vm, result });
    return result;
  } catch (error) {
    report({ type: 'vm-failed', work: 'cutover', vm, error, leftBehind });
    throw error;
  }
}

/** @throws Hyper2kvmError kind `not-found` unless the name is that of exactly one VM. */
async function findOne(
  client: VsphereClient,
  { vm, connection, env }: Pick<RollbackOptions, 'vm' | 'connection' | 'env'>,
  signal: AbortSignal,
): Promise<FoundVm> {
  const request = { vms: [vm], power: { kind: 'as-is' as const }, connection, env };
  const { found, failures } = await findAllVms(client, request, signal);
  const [first] = found;
  const [failure] = failures;
  if (failure !== undefined) throw failure.error;
  if (first !== undefined && found.length === 1) return first;
  const paths = found.slice(0, 5).map((each) => each.vm.inventoryPath);
  throw new Hyper2kvmError('not-found', `${JSON.stringify(vm)} matches ${found.length} VMs: ${paths.join(', ')}.`, {
    hint: 'A cutover is for one VM. Name one of them.',
  });
}
