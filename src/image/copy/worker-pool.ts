import { Worker } from 'node:worker_threads';
import { Hyper2kvmError } from '../../base/errors.ts';
import type { WorkerAnswer, WorkerSetup, WorkerTask } from './copy-worker.ts';
import { WINDOW_BYTES, type CopyWindow, type PackedWindow } from './window.ts';

/** A whole window of clusters that do not compress, the last one filled up to a cluster of at most 2 MiB. */
const SLAB_BYTES = WINDOW_BYTES * 2;
/** A worker has one window in its hands and one waiting, while the sink writes those before. */
const SLABS_PER_WORKER = 3;

/** Decompressed clusters die at once; in a larger young generation hundreds of megabytes of them wait for the collector. */
const YOUNG_MB = 4;

/** Sources run as they are in development and under test, and as JavaScript when built. */
const WORKER_FILE = new URL(`copy-worker.${import.meta.url.endsWith('.ts') ? 'ts' : 'js'}`, import.meta.url);

/** Threads that read, decompress and pack windows, side by side, with a bounded number of windows in memory. */
export class WorkerPool implements AsyncDisposable {
  readonly #threads: WorkerThread[];
  readonly #slabs: SharedArrayBuffer[];
  #next = 0;

  constructor(workers: number, setup: WorkerSetup) {
    this.#threads = Array.from({ length: workers }, () => new WorkerThread(setup));
    this.#slabs = Array.from({ length: workers * SLABS_PER_WORKER }, () => new SharedArrayBuffer(SLAB_BYTES));
  }

  /** Windows that may be in flight at once: before one more, the oldest result must be released. */
  get capacity(): number {
    return this.#threads.length * SLABS_PER_WORKER;
  }

  /** Starts a window; at most {@link capacity} at once. */
  async pack(window: CopyWindow): Promise<PackedWindow & { release: () => void }> {
    const slab = this.#slabs.pop();
    const thread = this.#threads[this.#next];
    if (!slab || !thread) throw new RangeError('more windows in flight than slabs');
    this.#next = (this.#next + 1) % this.#threads.length;
    const { clusters, packedBytes, sha256 } = await thread.run({ window, slab });
    const { offsetBytes, lengthBytes } = window;
    const bytes = new Uint8Array(slab, 0, packedBytes);
    return { offsetBytes, lengthBytes, clusters, bytes, sha256, release: () => void this.#slabs.push(slab) };
  }

  async [Symbol.asyncDispose](): Promise<void> {
    await Promise.all(this.#threads.map((thread) => thread.end()));
  }
}

type Done = Exclude<WorkerAnswer, { failure: unknown }>;

/** One thread; it answers in the order in which it was asked. */
class WorkerThread {
  readonly #worker: Worker;
  readonly #waiting: { resolve: (done: Done) => void; reject: (error: unknown) => void }[] = [];

  constructor(setup: WorkerSetup) {
    this.#worker = new Worker(WORKER_FILE, {
      workerData: setup,
      resourceLimits: { maxYoungGenerationSizeMb: YOUNG_MB },
    });
    this.#worker.on('message', (answer: WorkerAnswer) => this.#take(answer));
    this.#worker.on('error', (error) => this.#fail(error));
    this.#worker.on('exit', () => this.#fail(new Error('a worker thread ended too early')));
  }

  run(task: WorkerTask): Promise<Done> {
    return new Promise((resolve, reject) => {
      this.#waiting.push({ resolve, reject });
      this.#worker.postMessage(task);
    });
  }

  async end(): Promise<void> {
    await this.#worker.terminate();
  }

  #take(answer: WorkerAnswer): void {
    const waiting = this.#waiting.shift();
    if ('failure' in answer) {
      const { kind, message, hint } = answer.failure;
      waiting?.reject(new Hyper2kvmError(kind, message, hint === undefined ? {} : { hint }));
    } else waiting?.resolve(answer);
  }

  #fail(error: unknown): void {
    for (const { reject } of this.#waiting.splice(0)) reject(error);
  }
}
