import { Hyper2kvmError } from '../../base/errors.ts';
import { pause } from '../../base/time-limit.ts';
import { VsphereFault } from '../../vsphere/fault.ts';
import type { HttpNfcLease } from '../../vsphere/nfc-lease.ts';

/**
 * Renews a lease on a timer of its own, whatever the data does: every 30 s, or three times within the lease's own time-out where that is shorter.
 * A renewal that does not get through is made again soon; only the server's word that the lease is over ends it.
 */
export class LeaseKeepAlive implements AsyncDisposable {
  readonly #lost = new AbortController();
  readonly #stop = new AbortController();
  readonly #running: Promise<void>;

  constructor(lease: HttpNfcLease, percent: () => number) {
    const intervalMs = Math.min(30_000, (lease.timeoutSeconds * 1000) / 3);
    this.#running = this.#renew(lease, percent, intervalMs);
  }

  /** Aborts, with a retryable error, when the server says that the lease is over. */
  get lost(): AbortSignal {
    return this.#lost.signal;
  }

  async [Symbol.asyncDispose](): Promise<void> {
    this.#stop.abort();
    await this.#running;
  }

  async #renew(lease: HttpNfcLease, percent: () => number, intervalMs: number): Promise<void> {
    const { signal } = this.#stop;
    let waitMs = intervalMs;
    while (await slept(waitMs, signal)) {
      try {
        await lease.progress(Math.min(100, Math.floor(percent())), signal);
        waitMs = intervalMs;
      } catch (error) {
        if (signal.aborted) return;
        if (error instanceof VsphereFault && !error.retryable) {
          this.#lost.abort(leaseLost(error));
          return;
        }
        waitMs = Math.min(2000, intervalMs / 3);
      }
    }
  }
}

async function slept(ms: number, signal: AbortSignal): Promise<boolean> {
  try {
    await pause(ms, signal);
    return true;
  } catch {
    return false;
  }
}

function leaseLost(cause: VsphereFault): Hyper2kvmError {
  return new Hyper2kvmError('transfer', `The server ended the export lease: ${cause.message}`, {
    cause,
    retryable: true,
    hint: 'Another user may have cancelled the export task.',
  });
}
