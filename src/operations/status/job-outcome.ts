import { Hyper2kvmError, InterruptedError, SIGNAL_EXIT_CODES, type EndingSignal } from '../../base/errors.ts';
import { kindOfCode } from '../../base/exit-codes.ts';
import type { JobView } from '../../jobs/job-record.ts';

const SIGNALS: readonly EndingSignal[] = ['SIGINT', 'SIGTERM', 'SIGHUP'];

/** The result of an ended job as an error, with the exit code of the job's own process; undefined on success. */
export function jobOutcome(job: JobView): Error | undefined {
  const { exitCode } = job;
  if (exitCode === 0) return undefined;
  if (exitCode === undefined) return crash(job);
  const signal = SIGNALS.find((name) => SIGNAL_EXIT_CODES[name] === exitCode);
  if (signal !== undefined) return new InterruptedError(signal);
  const reason = reasonOf(job);
  return new Hyper2kvmError(kindOfCode(exitCode) ?? 'internal', reason.message, reason);
}

function reasonOf(job: JobView): { message: string; hint?: string } {
  const failed = job.vms.flatMap(({ error }) => (error === undefined ? [] : [error]));
  const [first] = failed;
  if (job.error !== undefined) return job.error;
  const left = job.vms.flatMap(({ leftBehind = [] }) => leftBehind);
  if (first === undefined) return { message: [`Job ${job.id} ended as ${job.state}.`, ...left].join(' ') };
  if (failed.length === 1) return first;
  return { message: `${failed.length} VMs of job ${job.id} were not exported.` };
}

/** The record of a job that an earlier version ended has no exit code either. */
function crash(job: JobView): Error | undefined {
  if (job.endedAt !== undefined && job.state === 'done') return undefined;
  if (job.endedAt !== undefined || job.problem !== undefined)
    return new Hyper2kvmError('internal', reasonOf(job).message);
  const sentence = `The process of job ${job.id} ended without a result: it was killed, or the host went down.`;
  return new Hyper2kvmError('internal', sentence, {
    hint: 'An export lease expires after some minutes. Run the same export again: it takes over the snapshot that was left.',
  });
}
