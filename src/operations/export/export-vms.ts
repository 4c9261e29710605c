import { Hyper2kvmError, InterruptedError } from '../../base/errors.ts';
import { RateLimiter } from '../../base/rate-limiter.ts';
import type { JobHandle } from '../../jobs/job-handle.ts';
import { createJob } from '../../jobs/job-store.ts';
import { addressOf } from '../../vsphere/certificate-trust.ts';
import { CleanUp } from '../clean-up.ts';
import { openSession } from '../server-session.ts';
import { exitCodeOfExport } from './export-exit-code.ts';
import { planVm } from './export-plan.ts';
import { exportInPlace } from './export-in-place.ts';
import { findAllVms, type FoundVms } from './find-vms.ts';
import { JobProgress } from './job-progress.ts';
import type { ExportEvent, ExportOptions, ExportResult, OperationContext } from './types.ts';
import { describeFailure } from './vm-failure.ts';

/**
 * Exports VMs one after another; one that fails does not stop the rest. Leaves a job record.
 * @throws what concerns all of them (no connection, no login), and the signal's reason, in both cases after clean-up.
 */
export async function exportVms(options: ExportOptions, context: OperationContext<ExportEvent>): Promise<ExportResult> {
  const progress = new JobProgress();
  const report = (event: ExportEvent) => {
    progress.take(event);
    context.report(event);
  };
  const warn = (message: string) => report({ type: 'warning', vm: undefined, message });
  const job = await createJob({
    kind: 'export',
    request: {
      server: addressOf(options.connection.url),
      vms: options.vms,
      format: options.format,
      output: options.output ?? '.',
    },
    env: options.env,
    onProblem: warn,
    reserved: options.detached,
  });
  progress.attach(job);
  tellDetached(job, options.detached);
  try {
    const result = await exportAll(options, { ...context, report }, job, warn);
    await job.end(result.state, undefined, exitCodeOfExport(result));
    return result;
  } catch (error) {
    await job.end(error instanceof InterruptedError ? 'interrupted' : 'failed', error);
    throw error;
  }
}

/** A detached job without a record could be neither followed nor cancelled. */
function tellDetached(job: JobHandle, detached: ExportOptions['detached']): void {
  if (detached === undefined) return;
  if (job.isKept) detached.onRecord();
  else throw new Hyper2kvmError('local-file', `The record ${job.file} of the detached job could not be written.`);
}

async function exportAll(
  options: ExportOptions,
  { signal, report }: OperationContext<ExportEvent>,
  job: JobHandle,
  warn: (message: string) => void,
): Promise<ExportResult> {
  const result: ExportResult = { job: job.id, state: 'done', exported: [], failed: [] };
  const fail = (vm: string, error: unknown, left: { leftBehind: string[]; keptForNextRun: string[] }) => {
    result.failed.push(describeFailure(vm, error, left));
    report({ type: 'vm-failed', vm, error, leftBehind: left.leftBehind });
  };
  await using cleanUp = new CleanUp(warn);
  report({
    type: 'step',
    vm: undefined,
    step: 'connect',
    detail: `Connecting to ${addressOf(options.connection.url)}`,
  });
  const client = await openSession(options.connection, cleanUp, signal);
  const { found, failures, several }: FoundVms = await findAllVms(client, options, signal);
  for (const { word, error } of failures) fail(word, error, { leftBehind: [], keptForNextRun: [] });
  const limiter = options.limitRateBytes === undefined ? undefined : new RateLimiter(options.limitRateBytes);
  const hashes = { broken: false };
  for (const [index, each] of found.entries()) {
    const { name, inventoryPath } = each.vm;
    const leftBehind: string[] = [];
    const keptForNextRun: string[] = [];
    const leave = (sentence: string) => {
      leftBehind.push(sentence);
      report({ type: 'warning', vm: name, message: sentence });
    };
    try {
      const planned = await planVm(client, each, options, several, signal);
      const { output } = planned.plan;
      report({ type: 'vm-started', vm: name, inventoryPath, index, count: found.length, output });
      const shared = { client, options, job: job.id, limiter, hashes, report, leave };
      const keepForNextRun = (names: string[]) => void keptForNextRun.push(...names);
      const task = { ...planned, ...shared, baseName: each.baseName, keepForNextRun };
      const exported = await exportInPlace({ ...task, leftBehind }, signal);
      result.exported.push(exported);
      report({ type: 'vm-finished', vm: name, result: exported });
    } catch (error) {
      fail(name, error, { leftBehind, keptForNextRun });
      signal.throwIfAborted();
    }
  }
  if (result.failed.length > 0) result.state = result.exported.length > 0 ? 'partial' : 'failed';
  return result;
}
