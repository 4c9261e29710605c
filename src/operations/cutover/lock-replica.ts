import { Hyper2kvmError } from '../../base/errors.ts';
import { formatDuration } from '../../base/text/amounts.ts';
import { pause } from '../../base/time-limit.ts';
import { lockPlace } from '../export/run/locked-place.ts';
import type { SyncShared } from '../sync/scope.ts';

const POLL_MS = 500;

/**
 * Locks the folder of a replica. Waits for a run that holds it, such as a round of `sync`.
 * @throws kind `busy` after `limitMs`.
 */
export async function lockReplica(
  { output, baseName, doing }: { output: string; baseName: string; doing: string },
  { job, claims }: Pick<SyncShared, 'job' | 'claims'>,
  { limitMs, onWait }: { limitMs: number; onWait: (sentence: string) => void },
  signal: AbortSignal,
): Promise<AsyncDisposable> {
  const endsAt = Date.now() + limitMs;
  for (let isFirst = true; ; isFirst = false) {
    try {
      return await lockPlace(output, baseName, { doing: `using the replica in ${output}`, job, claims });
    } catch (error) {
      if (!(error instanceof Hyper2kvmError) || error.kind !== 'busy') throw error;
      if (isFirst) onWait(`Waiting up to ${formatDuration(limitMs / 1000)} before ${doing}: ${error.message}`);
      if (Date.now() < endsAt) await pause(Math.min(POLL_MS, limitMs), signal);
      else throw error;
    }
  }
}
