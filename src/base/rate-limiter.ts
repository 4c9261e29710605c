/** Time as the limiter sees it; a test gives its own. */
export interface RateClock {
  /** Milliseconds from any start, never going back. */
  now: () => number;
  /** Calls `wake` once after `ms`; the result cancels that. */
  wakeAfter: (ms: number, wake: () => void) => () => void;
}

const SYSTEM_CLOCK: RateClock = {
  now: () => performance.now(),
  wakeAfter: (ms, wake) => {
    const timer = setTimeout(wake, ms);
    return () => clearTimeout(timer);
  },
};

/** Unused time counts for this long, so that a burst is at most an eighth of a second's bytes and one slice. */
const BURST_SECONDS = 1 / 8;
/** Takes are cut into slices of at most this, which wait in turn: a disk with large chunks gets no larger share. */
const MAX_SLICE_BYTES = 64 * 1024;

interface Waiter {
  bytes: number;
  /** Undefined once its signal was aborted. */
  go: (() => void) | undefined;
}

/** One limit in bytes a second, shared by all who take from it: a token bucket with one queue. */
export class RateLimiter {
  readonly #bytesPerSecond: number;
  readonly #clock: RateClock;
  readonly #burstBytes: number;
  readonly #sliceBytes: number;
  readonly #queue: Waiter[] = [];
  #tokens: number;
  #filledAt: number;
  #cancelWake: (() => void) | undefined;

  /** `bytesPerSecond` is above zero. */
  constructor(bytesPerSecond: number, clock: RateClock = SYSTEM_CLOCK) {
    this.#bytesPerSecond = bytesPerSecond;
    this.#clock = clock;
    this.#burstBytes = bytesPerSecond * BURST_SECONDS;
    this.#sliceBytes = Math.max(1, Math.min(MAX_SLICE_BYTES, Math.ceil(this.#burstBytes)));
    this.#tokens = this.#burstBytes;
    this.#filledAt = clock.now();
  }

  /**
   * Resolves when `bytes` more may be moved. Waiters are served in turn, slice by slice. Rejects with the signal's reason when it is
   * aborted, and gives its place back.
   */
  async take(bytes: number, signal: AbortSignal): Promise<void> {
    signal.throwIfAborted();
    for (let left = bytes; left > 0; left -= this.#sliceBytes) {
      const slice = Math.min(left, this.#sliceBytes);
      if (!this.#takeNow(slice)) await this.#wait(slice, signal);
    }
  }

  /** Without a wait, when nobody stands in the queue. A slice may overdraw the bucket: what comes after pays for it. */
  #takeNow(bytes: number): boolean {
    this.#fill();
    if (this.#queue.length > 0 || this.#tokens <= 0) return false;
    this.#tokens -= bytes;
    return true;
  }

  #wait(bytes: number, signal: AbortSignal): Promise<void> {
    return new Promise((resolve, reject) => {
      const waiter: Waiter = {
        bytes,
        go: () => {
          signal.removeEventListener('abort', onAbort);
          resolve();
        },
      };
      const onAbort = (): void => {
        waiter.go = undefined;
        this.#serve();
        reject(signal.reason);
      };
      signal.addEventListener('abort', onAbort, { once: true });
      this.#queue.push(waiter);
      this.#serve();
    });
  }

  #fill(): void {
    const now = this.#clock.now();
    const earned = ((now - this.#filledAt) / 1000) * this.#bytesPerSecond;
    this.#tokens = Math.min(this.#burstBytes, this.#tokens + earned);
    this.#filledAt = now;
  }

  /** Lets go whoever may, then sleeps until the next one may, or not at all when nobody waits. */
  #serve(): void {
    this.#fill();
    this.#cancelWake?.();
    this.#cancelWake = undefined;
    for (let head = this.#queue[0]; head !== undefined; head = this.#queue[0]) {
      if (head.go !== undefined) {
        if (this.#tokens <= 0) break;
        this.#tokens -= head.bytes;
        head.go();
      }
      this.#queue.shift();
    }
    if (this.#queue.length === 0) return;
    // At least 1 ms: a timer cannot do less, and the bucket must come out above zero.
    const waitMs = Math.max(1, Math.ceil((-this.#tokens / this.#bytesPerSecond) * 1000));
    this.#cancelWake = this.#clock.wakeAfter(waitMs, () => this.#serve());
  }
}
