import { availableParallelism } from 'node:os';
import { WorkerPool } from './worker-pool.ts';

/**
 * One {@link WorkerPool} for all packages that are written at the same time. The number of threads and of windows in
 * memory does not grow with the number of packages. The threads end when the last user returns the pool, so that none
 * are idle while a guest is prepared for KVM or booted. The next user gets new threads.
 */
export class SharedWorkers {
  readonly #workers: number;
  #pool: WorkerPool | undefined;
  #users = 0;

  /** The pool has `most` threads, or one per processor. */
  constructor(most: number) {
    this.#workers = Math.min(availableParallelism(), most);
  }

  /** Takes the pool. The caller disposes of it exactly once, after all work that it submitted is finished. */
  use(): { pool: WorkerPool } & AsyncDisposable {
    const pool = (this.#pool ??= new WorkerPool(this.#workers));
    this.#users += 1;
    let isGivenBack = false;
    return {
      pool,
      [Symbol.asyncDispose]: async () => {
        if (isGivenBack) return;
        isGivenBack = true;
        this.#users -= 1;
        if (this.#users > 0) return;
        this.#pool = undefined;
        await pool[Symbol.asyncDispose]();
      },
    };
  }
}
