import { Hyper2kvmError } from '../../../base/errors.ts';
import type { ReadableDisk } from '../../../image/model/readable-disk.ts';
import type { ReadLimits } from '../source/disk-source.ts';

/**
 * Wraps a disk so that its reads fail with a retryable error when none of those in flight returns within `limits`.
 * `server` is the sending host, for messages.
 */
export function watchReads(disk: ReadableDisk, limits: ReadLimits, server: string): ReadableDisk {
  let inFlight = 0;
  let hasBegun = false;
  let lastMs = 0;
  const limitMs = (): number => (hasBegun ? limits.stallTimeoutMs : limits.firstByteTimeoutMs);
  return {
    capacityBytes: disk.capacityBytes,
    allocated: (signal) => disk.allocated(signal),
    read: async (offsetBytes, target, signal) => {
      const stalled = new AbortController();
      if (inFlight === 0) lastMs = Date.now();
      inFlight += 1;
      const timer = setInterval(
        () => {
          if (Date.now() - lastMs >= limitMs()) stalled.abort(stall(server, limitMs(), hasBegun));
        },
        Math.min(1000, limitMs() / 4),
      );
      try {
        await disk.read(offsetBytes, target, AbortSignal.any([signal, stalled.signal]));
        hasBegun = true;
        lastMs = Date.now();
      } finally {
        clearInterval(timer);
        inFlight -= 1;
      }
    },
  };
}

function stall(server: string, limitMs: number, hasBegun: boolean): Hyper2kvmError {
  return new Hyper2kvmError('transfer', `${server} sent nothing for ${Math.round(limitMs / 1000)} seconds.`, {
    retryable: true,
    hint: hasBegun
      ? 'The connection stalled; --stall-timeout waits longer.'
      : 'The host has not begun to send; --first-byte-timeout waits longer.',
  });
}
