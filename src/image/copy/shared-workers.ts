import { availableParallelism } from 'node:os';
import { WorkerPool } from './worker-pool.ts';

/**
 * One {@link WorkerPool} for all packages that are written at the same time: neither threads nor windows in memory grow with their number. The threads end when
 * the last user gives the pool back, so that none wait while a guest is fixed or booted; the next user gets new ones.
 */
export class SharedWorkers {
  readonly #workers: number;
  #pool: WorkerPool | undefined;
  #users = 0;

  /** It has `most` threads, or as many as there are processors. */
  constructor(most: number) {
    this.#workers = Math.min(availableParallelism(), most);
  }

  /** Whoever takes the pool disposes of it once, when all that it gave the pool is over. */
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
