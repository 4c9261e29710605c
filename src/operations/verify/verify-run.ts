import { basename, dirname, relative } from 'node:path';
import { Hyper2kvmError } from '../../base/errors.ts';
import type { WorkerPool } from '../../image/copy/worker-pool.ts';
import type { VerifiedItem, VerifyFinding, VerifyProgressEvent } from './types.ts';

/** What the checks of one run share. */
export class VerifyRun {
  readonly quick: boolean;
  readonly signal: AbortSignal;
  readonly pool: WorkerPool;
  /** Real paths of files whose content a digest has proven. Their content is not read again. */
  readonly proven = new Set<string>();
  /** Real paths of the files of images whose content was read. */
  readonly read = new Set<string>();
  /** Real paths of files that belong to something that was checked. */
  readonly covered = new Set<string>();
  readBytes = 0;
  readonly #report: (event: VerifyProgressEvent) => void;

  constructor(options: {
    quick: boolean;
    signal: AbortSignal;
    pool: WorkerPool;
    report: (event: VerifyProgressEvent) => void;
  }) {
    this.quick = options.quick;
    this.signal = options.signal;
    this.pool = options.pool;
    this.#report = options.report;
  }

  /** Returns a function to call with the number of bytes of the file that are done. */
  progressOf(path: string, totalBytes: number): (doneBytes: number) => void {
    let before = 0;
    return (doneBytes) => {
      this.readBytes += Math.max(0, doneBytes - before);
      before = Math.max(before, doneBytes);
      const { readBytes } = this;
      this.#report({ type: 'verify-progress', file: basename(path), doneBytes, totalBytes, readBytes });
    };
  }
}

/** Collects the findings about one item. */
export class ItemFindings {
  readonly #item: Pick<VerifiedItem, 'path' | 'kind'>;
  readonly #findings: VerifyFinding[] = [];

  constructor(item: Pick<VerifiedItem, 'path' | 'kind'>) {
    this.#item = item;
  }

  get item(): VerifiedItem {
    return { ...this.#item, findings: this.#findings };
  }

  ok(path: string, detail: string): void {
    this.#findings.push({ level: 'ok', file: this.#nameOf(path), detail });
  }

  warning(path: string, detail: string, hint: string): void {
    this.#findings.push({ level: 'warning', file: this.#nameOf(path), detail, hint });
  }

  error(path: string, detail: string, hint?: string): void {
    const facts = hint === undefined ? {} : { hint };
    this.#findings.push({ level: 'error', file: this.#nameOf(path), detail, kind: 'image', ...facts });
  }

  /** Runs a check. An error of this program becomes a finding, so that the other checks still run. */
  async check(path: string, run: () => Promise<void>, signal: AbortSignal): Promise<boolean> {
    try {
      await run();
      return true;
    } catch (error) {
      signal.throwIfAborted();
      if (!(error instanceof Hyper2kvmError)) throw error;
      const { message, hint, kind } = error;
      const facts = hint === undefined ? {} : { hint };
      this.#findings.push({ level: 'error', file: this.#nameOf(path), detail: message, kind, ...facts });
      return false;
    }
  }

  #nameOf(path: string): string {
    const name = relative(dirname(this.#item.path), path);
    return name === '' || name.startsWith('..') ? path : name;
  }
}
