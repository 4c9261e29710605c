import { isRetryable, sentenceOf } from '../base/errors.ts';
import { pause } from '../base/time-limit.ts';

interface Undo {
  /** What stays on the server when it fails, as the beginning of a sentence. */
  remains: string;
  limitMs: number;
  run: (signal: AbortSignal) => Promise<void>;
  /** It stays until somebody undoes it, unlike a lease or a session, which end by themselves: an operation that leaves it is not a success. */
  isLasting?: boolean;
  /** Runs when it could not be undone, for a later run to make up for it. */
  onLeft?: () => Promise<void>;
}

/** Takes a sentence about each thing that could not be undone. */
type Leave = (sentence: string, isLasting: boolean) => void;

const TRIES = 3;

/**
 * What has to be undone on the server whatever happens: leases, snapshots, the session, in reverse order. It runs under limits of its own
 * since the program's signal may have aborted already. A step that fails stops no other one; what it leaves behind is told instead of thrown.
 */
export class CleanUp implements AsyncDisposable {
  readonly #undos: Undo[] = [];
  readonly #leave: Leave;

  constructor(leave: Leave) {
    this.#leave = leave;
  }

  /** Adds a step; what is returned takes it away again, when it has been done in the ordinary course. */
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

  /** Undoes all that was added so far: before what takes long and needs nothing more of the server. */
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

/** A line that has just dropped is often back within seconds, and a snapshot left behind costs more than those. */
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
