import { pause } from '../../../base/time-limit.ts';
import type { HttpNfcLease } from '../../../vsphere/lease/nfc-lease.ts';

/**
 * Renews a lease on its own timer, independent of the download. The interval is 30 s, or a third of the lease's timeout
 * if that is shorter. A failed renewal is repeated soon; the lease counts as ended only when the server reports it.
 */
export class LeaseKeepAlive implements AsyncDisposable {
  readonly #lost = new AbortController();
  readonly #stop = new AbortController();
  readonly #running: Promise<void>;

  constructor(lease: HttpNfcLease, percent: () => number) {
    const intervalMs = Math.min(30_000, (lease.timeoutSeconds * 1000) / 3);
    this.#running = this.#renew(lease, percent, intervalMs);
  }

  /** Aborts, with a retryable error, when the server reports that the lease has ended. */
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
        const ended = await lease.renew(Math.min(100, Math.floor(percent())), signal);
        if (ended) {
          this.#lost.abort(ended);
          return;
        }
        waitMs = intervalMs;
      } catch {
        if (signal.aborted) return;
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
