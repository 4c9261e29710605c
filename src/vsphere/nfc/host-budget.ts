/** What one host may have in flight for this process, over all disks and VMs: VDDK's limit for a host of version 6 or 7 is 48 MiB. */
const MOST_IN_FLIGHT_BYTES = 32 * 1024 * 1024;
const LEAST_IN_FLIGHT_BYTES = 1024 * 1024;

interface Waiter {
  bytes: number;
  go: () => void;
}

/** The bytes that may be requested from one host at the same time. Waiters are served in turn. */
export class HostBudget {
  static readonly #hosts = new Map<string, HostBudget>();
  #limitBytes = MOST_IN_FLIGHT_BYTES;
  #inFlightBytes = 0;
  readonly #queue: Waiter[] = [];
  readonly #counted = new WeakSet<Error>();

  /** The budget of a host in this process. */
  static of(host: string): HostBudget {
    const budget = this.#hosts.get(host) ?? new HostBudget();
    this.#hosts.set(host, budget);
    return budget;
  }

  get limitBytes(): number {
    return this.#limitBytes;
  }

  /** Resolves when `bytes` may be requested; {@link give} returns them. Rejects with the signal's reason. */
  async take(bytes: number, signal: AbortSignal): Promise<void> {
    signal.throwIfAborted();
    if (this.#queue.length === 0 && this.#fits(bytes)) {
      this.#inFlightBytes += bytes;
      return;
    }
    await new Promise<void>((resolve, reject) => {
      const waiter = {
        bytes,
        go: () => {
          signal.removeEventListener('abort', onAbort);
          resolve();
        },
      };
      const onAbort = (): void => {
        this.#queue.splice(this.#queue.indexOf(waiter), 1);
        this.#serve();
        reject(signal.reason);
      };
      signal.addEventListener('abort', onAbort, { once: true });
      this.#queue.push(waiter);
    });
  }

  give(bytes: number): void {
    this.#inFlightBytes -= bytes;
    this.#serve();
  }

  /** The host ran out of memory for transfers. One error can end many reads, and counts once. */
  halve(cause: Error): void {
    if (this.#counted.has(cause)) return;
    this.#counted.add(cause);
    this.#limitBytes = Math.max(LEAST_IN_FLIGHT_BYTES, this.#limitBytes / 2);
  }

  #fits(bytes: number): boolean {
    return this.#inFlightBytes === 0 || this.#inFlightBytes + bytes <= this.#limitBytes;
  }

  #serve(): void {
    for (let [next] = this.#queue; next && this.#fits(next.bytes); [next] = this.#queue) {
      this.#queue.shift();
      this.#inFlightBytes += next.bytes;
      next.go();
    }
  }
}
