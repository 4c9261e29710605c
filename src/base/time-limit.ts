import { setTimeout as delay } from 'node:timers/promises';
import { Hyper2kvmError } from './errors.ts';

/** Resolves after `ms`, or rejects with the signal's reason as soon as it aborts. */
export async function pause(ms: number, signal: AbortSignal): Promise<void> {
  signal.throwIfAborted();
  try {
    await delay(ms, undefined, { signal });
  } catch (error) {
    signal.throwIfAborted();
    throw error;
  }
}

/**
 * Back-off before attempt number `attempt + 1`: doubles from one second to at most 30 s. The upper half has full
 * jitter, so that disks that failed at the same time are not retried at the same time.
 */
export function backOffMs(attempt: number): number {
  const ceiling = Math.min(30_000, 1000 * 2 ** (attempt - 1));
  return Math.round(ceiling / 2 + (Math.random() * ceiling) / 2);
}

/**
 * Runs `work` with a signal that also aborts after `limitMs`. The reason is then a transfer error that names the
 * operation that took too long.
 */
export async function withTimeLimit<Result>(
  limitMs: number,
  what: string,
  signal: AbortSignal,
  work: (signal: AbortSignal) => Promise<Result>,
): Promise<Result> {
  const limit = new AbortController();
  const timer = setTimeout(() => {
    const sentence = `${what} did not finish within ${Math.round(limitMs / 1000)} seconds.`;
    limit.abort(new Hyper2kvmError('transfer', sentence, { hint: 'Check the tasks of the VM on the server.' }));
  }, limitMs);
  try {
    return await work(AbortSignal.any([signal, limit.signal]));
  } finally {
    clearTimeout(timer);
  }
}
