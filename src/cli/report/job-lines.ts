import { formatBytes } from '../../base/text/amounts.ts';
import type { JobView } from '../../jobs/job-record.ts';
import { safeText } from '../text/safe-text.ts';

/** A job of several hours must not fill a log with progress lines. */
const PROGRESS_INTERVAL_MS = 10_000;

/** Converts changes in a job's record into plain lines, poll by poll. */
export class JobLines {
  readonly #now: () => number;
  readonly #states = new Map<string, string>();
  #progress = '';
  #printedAtMs = -Infinity;

  constructor(now: () => number) {
    this.#now = now;
  }

  take(job: JobView): string[] {
    const changed = job.vms.filter(({ vm, state }) => this.#states.get(vm) !== state);
    for (const { vm, state } of changed) this.#states.set(vm, state);
    const lines = changed.map(({ vm, state }) => `${safeText(vm)}: ${state}`);
    return [...lines, ...this.#progressLine(job)].map((line) => `${this.#stamp()} ${line}`);
  }

  #progressLine({ state, percent, transferredBytes }: JobView): string[] {
    const share = percent === undefined ? '' : `${percent} %, `;
    const progress = `${share}${formatBytes(transferredBytes)} fetched`;
    const isTime = this.#now() - this.#printedAtMs >= PROGRESS_INTERVAL_MS;
    if (state !== 'running' || transferredBytes === 0 || progress === this.#progress || !isTime) return [];
    this.#progress = progress;
    this.#printedAtMs = this.#now();
    return [progress];
  }

  #stamp(): string {
    return `${new Date(this.#now()).toISOString().slice(0, 19)}Z`;
  }
}
