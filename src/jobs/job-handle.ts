import { writeFileAtomically } from '../base/files/atomic-file.ts';
import { sentenceOf } from '../base/errors.ts';
import { exitCodeOf } from '../base/exit-codes.ts';
import { makeOwnFolder } from '../base/files/own-file.ts';
import { jobErrorOf, jobRecordText } from './job-record-text.ts';
import type { JobError, JobRecord, JobState } from './job-record.ts';

/** The fields of its record that a job changes while it runs. */
export type JobChanges = Partial<Pick<JobRecord, 'transferredBytes' | 'percent' | 'totals' | 'files' | 'vms'>>;

/** Minimum interval between progress writes of a record. */
const WRITE_INTERVAL_MS = 1000;

/**
 * The record of a running job. Nothing here throws or rejects. A failure of the state folder is reported once through
 * `onProblem`, and the job continues without a record.
 */
export class JobHandle {
  readonly file: string;
  readonly #folder: string;
  readonly #onProblem: (message: string) => void;
  readonly #redact: (text: string) => string;
  #isKept = true;
  #record: JobRecord;
  #timer: NodeJS.Timeout | undefined;
  #writing: Promise<void> = Promise.resolve();

  /** `redact` removes secrets from error texts: a server can repeat its input in a fault. */
  constructor(options: {
    record: JobRecord;
    folder: string;
    file: string;
    onProblem: (message: string) => void;
    redact?: ((text: string) => string) | undefined;
  }) {
    this.#record = options.record;
    this.#folder = options.folder;
    this.file = options.file;
    this.#onProblem = options.onProblem;
    this.#redact = options.redact ?? ((text) => text);
  }

  get id(): string {
    return this.#record.id;
  }

  get record(): Readonly<JobRecord> {
    return this.#record;
  }

  /** True when every write of the record has succeeded so far. */
  get isKept(): boolean {
    return this.#isKept;
  }

  /** Replaces the given fields. The file is written within a second; one write contains all changes up to then. */
  update(changes: JobChanges): void {
    if (this.#record.endedAt !== undefined) return;
    this.#record = {
      ...this.#record,
      ...changes,
      ...(changes.vms && { vms: changes.vms.map((vm) => this.#clean(vm)) }),
    };
    this.#timer ??= setTimeout(() => {
      this.#timer = undefined;
      void this.write({ flush: false });
    }, WRITE_INTERVAL_MS);
    // A pending write must not keep an otherwise idle process alive: `end` writes the final record.
    this.#timer.unref();
  }

  /**
   * Sets the final state and writes it; resolves when the write has finished or failed. Further calls have no effect.
   * `exitCode` is the exit code of the process; the default is that of `error`.
   */
  async end(state: Exclude<JobState, 'running'>, error?: unknown, exitCode = codeOf(error)): Promise<void> {
    if (this.#record.endedAt === undefined) {
      clearTimeout(this.#timer);
      const failure = error === undefined ? {} : this.#clean({ error: jobErrorOf(error) });
      const whole = state === 'done' && this.#record.percent !== undefined ? { percent: 100 } : {};
      this.#record = { ...this.#record, state, endedAt: new Date().toISOString(), exitCode, ...whole, ...failure };
      void this.write();
    }
    await this.#writing;
  }

  /** Writes the current record after any write in progress. Progress need not be flushed, because it is written again within a second. */
  write({ flush = true } = {}): Promise<void> {
    this.#writing = this.#writing.then(() => this.#writeNow(flush));
    return this.#writing;
  }

  #clean<Failed extends { error?: JobError }>(failed: Failed): Failed {
    const { error } = failed;
    if (error === undefined) return failed;
    const hint = error.hint === undefined ? {} : { hint: this.#redact(error.hint) };
    return { ...failed, error: { ...error, message: this.#redact(error.message), ...hint } };
  }

  async #writeNow(flush: boolean): Promise<void> {
    try {
      await makeOwnFolder(this.#folder);
      await writeFileAtomically(this.file, jobRecordText(this.#record), { flush });
    } catch (error) {
      if (!this.#isKept) return;
      this.#isKept = false;
      this.#onProblem(`The record of this job cannot be kept: ${sentenceOf(error)}`);
    }
  }
}

function codeOf(error: unknown): number {
  return error === undefined ? 0 : exitCodeOf(error);
}
