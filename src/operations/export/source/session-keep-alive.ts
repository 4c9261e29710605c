import { pause } from '../../../base/time-limit.ts';
import { readServerTime } from '../../../vsphere/inventory/privileges.ts';
import type { VsphereClient } from '../../../vsphere/session/vsphere-client.ts';

/** A server ends a session that made no call for 30 minutes. */
const INTERVAL_MS = 5 * 60_000;

/**
 * Keeps the session with the server alive while disks are read over NFC, which the server does not count as use. Without
 * it, the snapshot could not be removed at the end.
 */
export class SessionKeepAlive implements AsyncDisposable {
  readonly #stop = new AbortController();
  readonly #running: Promise<void>;

  constructor(client: VsphereClient, intervalMs = INTERVAL_MS) {
    this.#running = this.#call(client, intervalMs);
  }

  async [Symbol.asyncDispose](): Promise<void> {
    this.#stop.abort();
    await this.#running;
  }

  async #call(client: VsphereClient, intervalMs: number): Promise<void> {
    const { signal } = this.#stop;
    while (!signal.aborted) {
      // A failed call is not repeated before the next interval: any later call opens a lost session again.
      await pause(intervalMs, signal)
        .then(() => readServerTime(client, signal))
        .catch(() => undefined);
    }
  }
}
