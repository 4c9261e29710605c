import type { ChildProcessWithoutNullStreams } from 'node:child_process';
import { once } from 'node:events';
import { localFileError } from '../base/files/local-file-error.ts';
import { signalGroup } from '../base/process/process-group.ts';

const TERM_LIMIT_MS = 5000;

export interface ApplianceLimits {
  signal: AbortSignal;
  /** Aborts when the appliance did not start in time. The caller reports that. */
  launch: AbortSignal;
  /** The limit for the whole run. */
  limitMs: number;
  /** The error for a run that took longer. */
  tooLong: () => Error;
}

/**
 * The exit code of a program that runs an appliance, once the process and all its children have ended.
 * @throws the signal's reason; `tooLong()`; Hyper2kvmError if the program cannot be started.
 */
export async function exitOfAppliance(
  child: ChildProcessWithoutNullStreams,
  { signal, launch, limitMs, tooLong }: ApplianceLimits,
): Promise<number | null> {
  const limit = AbortSignal.timeout(limitMs);
  const deadline = AbortSignal.any([signal, limit, launch]);
  let killTimer: NodeJS.Timeout | undefined;
  const end = (): void => {
    signalGroup(child, 'SIGTERM');
    killTimer = setTimeout(() => signalGroup(child, 'SIGKILL'), TERM_LIMIT_MS);
  };
  deadline.addEventListener('abort', end);
  if (deadline.aborted) end();
  try {
    await once(child, 'close');
  } catch (cause) {
    throw localFileError('run', '/bin/sh', cause);
  } finally {
    deadline.removeEventListener('abort', end);
    clearTimeout(killTimer);
  }
  signal.throwIfAborted();
  if (limit.aborted) throw tooLong();
  return child.exitCode;
}
