/** The clock of the limiter; tests provide their own. */
export interface RateClock {
  /** Monotonic time in milliseconds, from an arbitrary start. */
  now: () => number;
  /** Calls `wake` once after `ms`. The returned function cancels that. */
  wakeAfter: (ms: number, wake: () => void) => () => void;
}

const SYSTEM_CLOCK: RateClock = {
  now: () => performance.now(),
  wakeAfter: (ms, wake) => {
    const timer = setTimeout(wake, ms);
    return () => clearTimeout(timer);
  },
};

/** Unused time is accumulated up to this limit, so a burst is at most one eighth of a second's bytes plus one slice. */
const BURST_SECONDS = 1 / 8;
/**
 * Requests are divided into slices of at most this size, which are queued in turn. A disk with large chunks therefore
 * does not get a larger share.
 */
const MAX_SLICE_BYTES = 64 * 1024;

interface Waiter {
  bytes: number;
  /** Undefined after its signal was aborted. */
  go: (() => void) | undefined;
}

/** A limit in bytes per second, shared by all users of the instance: a token bucket with one queue. */
export class RateLimiter {
  readonly #bytesPerSecond: number;
  readonly #clock: RateClock;
  readonly #burstBytes: number;
  readonly #sliceBytes: number;
  readonly #queue: Waiter[] = [];
  #tokens: number;
  #filledAt: number;
  #cancelWake: (() => void) | undefined;

  /** `bytesPerSecond` must be above zero. */
  constructor(bytesPerSecond: number, clock: RateClock = SYSTEM_CLOCK) {
    this.#bytesPerSecond = bytesPerSecond;
    this.#clock = clock;
    this.#burstBytes = bytesPerSecond * BURST_SECONDS;
    this.#sliceBytes = Math.max(1, Math.min(MAX_SLICE_BYTES, Math.ceil(this.#burstBytes)));
    this.#tokens = this.#burstBytes;
    this.#filledAt = clock.now();
  }

  /**
   * Resolves when another `bytes` bytes may be transferred. Waiters are served in turn, slice by slice. If aborted,
   * rejects with the signal's reason and leaves the queue.
   */
  async take(bytes: number, signal: AbortSignal): Promise<void> {
    signal.throwIfAborted();
    for (let left = bytes; left > 0; left -= this.#sliceBytes) {
      const slice = Math.min(left, this.#sliceBytes);
      if (!this.#takeNow(slice)) await this.#wait(slice, signal);
    }
  }

  /**
   * Takes bytes without waiting if the queue is empty. A slice can overdraw the bucket; later requests wait for that to
   * be refilled.
   */
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

  /** Releases all waiters that may proceed. Then sleeps until the next one may, or not at all if the queue is empty. */
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
    // At least 1 ms, which is the minimum of a timer, and so that the bucket is above zero afterwards.
    const waitMs = Math.max(1, Math.ceil((-this.#tokens / this.#bytesPerSecond) * 1000));
    this.#cancelWake = this.#clock.wakeAfter(waitMs, () => this.#serve());
  }
}
