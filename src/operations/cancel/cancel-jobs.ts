import { hostname } from 'node:os';
import { Hyper2kvmError } from '../../base/errors.ts';
import { pause } from '../../base/time-limit.ts';
import { jobErrorOf } from '../../jobs/job-record-text.ts';
import { isProcessOver, requestEnd, type EndRequest } from '../../jobs/job-process.ts';
import type { JobView } from '../../jobs/job-record.ts';
import { readJob } from '../../jobs/job-store.ts';
import type { OperationContext } from '../operation-context.ts';
import type { CancellingEvent, CancelResult } from './types.ts';

const LOOK_INTERVAL_MS = 200;

/**
 * Cancels jobs in an orderly way. Waits until each has released its lease and snapshot and its record confirms it,
 * however long the server takes. A job that cannot be cancelled does not affect the others. `failures` receives the
 * error objects behind `failed`.
 * @throws the signal's reason; jobs that were asked to end continue to shut down.
 */
export async function cancelJobs(
  { env, ids, failures = [] }: { env: NodeJS.ProcessEnv; ids: readonly string[]; failures?: unknown[] },
  { signal, report }: OperationContext<CancellingEvent>,
): Promise<CancelResult> {
  const given = [...new Set(ids)];
  const outcomes = await Promise.allSettled(given.map((id) => cancelJob(env, id, { signal, report })));
  signal.throwIfAborted();
  const result: CancelResult = { cancelled: [], failed: [] };
  for (const [index, outcome] of outcomes.entries()) {
    if (outcome.status === 'fulfilled') result.cancelled.push(outcome.value);
    else {
      failures.push(outcome.reason);
      result.failed.push({ job: given[index] ?? '', error: jobErrorOf(outcome.reason) });
    }
  }
  return result;
}

async function cancelJob(
  env: NodeJS.ProcessEnv,
  id: string,
  { signal, report }: OperationContext<CancellingEvent>,
): Promise<string> {
  const job = await readJob(env, id);
  if (job.problem !== undefined) throw new Hyper2kvmError('local-file', job.problem);
  if (job.state !== 'running') throw endedAlready(job);
  const request = requestEnd(job.process);
  if (request !== 'sent' && request !== 'over') throw notReached(job, request);
  if (request === 'sent') report({ type: 'cancelling', job: job.id, pid: job.process.pid });
  return verdict(await lastLook(env, job, signal));
}

/** Reads the record after the process has exited, since writing the record is the last thing a job does. */
async function lastLook(env: NodeJS.ProcessEnv, job: JobView, signal: AbortSignal): Promise<JobView> {
  while (!isProcessOver(job.process)) await pause(LOOK_INTERVAL_MS, signal);
  return readJob(env, job.id);
}

function verdict(job: JobView): string {
  const left = job.vms.flatMap(({ leftBehind = [] }) => leftBehind);
  if (job.endedAt === undefined) {
    throw new Hyper2kvmError('transfer', `Job ${job.id} ended without cleaning up: it was killed, or it crashed.`, {
      hint: 'An export lease expires after some minutes. Run the same export again: it takes over the snapshot that was left.',
    });
  }
  if (job.state !== 'interrupted') throw endedAlready(job);
  if (left.length > 0) {
    throw new Hyper2kvmError(
      'transfer',
      `Job ${job.id} was cancelled, but its clean-up is not complete: ${left.join(' ')}`,
    );
  }
  return job.id;
}

function endedAlready(job: JobView): Hyper2kvmError {
  const when = job.endedAt === undefined ? '' : ` at ${job.endedAt}`;
  return new Hyper2kvmError('not-found', `Job ${job.id} is not running: it ended${when} as ${job.state}.`, {
    hint: `hyper2kvm status --job ${job.id} shows its result.`,
  });
}

function notReached({ id, process: owner }: JobView, why: Exclude<EndRequest, 'sent' | 'over'>): Hyper2kvmError {
  if (why === 'elsewhere') {
    const where = owner.hostname === hostname() ? 'in another container' : `on another host, ${owner.hostname}`;
    return new Hyper2kvmError('host', `Job ${id} runs ${where}.`, {
      hint: `Run hyper2kvm cancel ${id} there.`,
    });
  }
  if (why === 'denied') {
    return new Hyper2kvmError('host', `Process ${owner.pid} of job ${id} belongs to another user.`, {
      hint: 'Cancel it as that user.',
    });
  }
  return new Hyper2kvmError(
    'host',
    `Process ${owner.pid} of job ${id} cannot be distinguished from another process with that number.`,
    {
      hint: 'This host has no /proc. Stop the job with Ctrl-C or SIGTERM where it was started.',
    },
  );
}
