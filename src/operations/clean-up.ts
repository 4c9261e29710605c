import { isRetryable, sentenceOf } from '../base/errors.ts';
import { pause } from '../base/time-limit.ts';

interface Undo {
  /** What stays on the server if this step fails, as the beginning of a sentence. */
  remains: string;
  limitMs: number;
  run: (signal: AbortSignal) => Promise<void>;
  /**
   * The leftover stays until somebody removes it, unlike a lease or a session, which expires. An operation that
   * leaves it behind is not a success.
   */
  isLasting?: boolean;
  /** Runs if the step failed, so that a later run can clean up. */
  onLeft?: () => Promise<void>;
}

/** Receives a sentence about each thing that could not be undone. */
type Leave = (sentence: string, isLasting: boolean) => void;

const TRIES = 3;

/**
 * Steps that must be undone on the server in every case: leases, snapshots and the session, in reverse order. They
 * run under time limits of their own, since the program's signal may already be aborted. A step that fails does not
 * stop the others. Leftovers are reported instead of thrown.
 */
export class CleanUp implements AsyncDisposable {
  readonly #undos: Undo[] = [];
  readonly #leave: Leave;

  constructor(leave: Leave) {
    this.#leave = leave;
  }

  /** Adds a step. Call the returned function to remove it once the step was done in the ordinary course. */
  defer(undo: Undo): () => void {
    this.#undos.push(undo);
    return () => {
      const index = this.#undos.indexOf(undo);
      if (index !== -1) this.#undos.splice(index, 1);
    };
  }

  [Symbol.asyncDispose](): Promise<void> {
    return this.run();
  }

  /** Runs all steps that were added so far. Used before lengthy work that needs nothing more from the server. */
  async run(): Promise<void> {
    for (let undo = this.#undos.pop(); undo; undo = this.#undos.pop()) {
      try {
        await runPatiently(undo);
      } catch (error) {
        this.#leave(`${undo.remains} (${sentenceOf(error)})`, undo.isLasting ?? false);
        await undo.onLeft?.();
      }
    }
  }
}

/** A dropped connection is often restored within seconds, and retrying costs less than leaving a snapshot behind. */
async function runPatiently(undo: Undo): Promise<void> {
  const limit = AbortSignal.timeout(undo.limitMs);
  for (let attempt = 1; ; attempt += 1) {
    try {
      await undo.run(limit);
      return;
    } catch (error) {
      if (attempt === TRIES || !isRetryable(error) || limit.aborted) throw error;
      await pause(attempt * 1000, limit);
    }
  }
}
