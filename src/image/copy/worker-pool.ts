import { availableParallelism } from 'node:os';
import { Worker, type WorkerOptions } from 'node:worker_threads';
import { pageAlignedMemory } from '../../base/files/direct-io.ts';
import { Hyper2kvmError, sentenceOf } from '../../base/errors.ts';
import { errnoOf } from '../../base/files/local-file-error.ts';
import type { PackWork, WorkerAnswer, WorkerTask } from './copy-worker.ts';
import { WINDOW_BYTES, type CopyWindow, type PackedWindow } from '../model/window.ts';

/** A complete window of incompressible clusters, with the last one padded to a cluster of at most 2 MiB. */
const SLAB_BYTES = WINDOW_BYTES * 2;
/** For each worker, one window is being packed and one is queued, while the sink writes the previous ones. */
const SLABS_PER_WORKER = 3;
/**
 * One worker decompresses 0.5 GB/s and four decompress 2 GB/s. The thread that plans and writes handles less than 3
 * GB/s, so more workers would wait for it, and each one takes 20 to 25 MB.
 */
const MOST_WORKERS = 4;

/**
 * Decompressed clusters are short-lived. In a larger young generation, hundreds of megabytes of them would wait for
 * garbage collection.
 */
const YOUNG_MB = 4;

/** The source of the worker, which the bundler inserts in the single-file build. */
declare const BUNDLED_COPY_WORKER: string | undefined;

/** Starts the TypeScript source in development and tests, and JavaScript in a build. */
function startWorker(options: WorkerOptions): Worker {
  if (typeof BUNDLED_COPY_WORKER === 'string') return new Worker(BUNDLED_COPY_WORKER, { ...options, eval: true });
  return new Worker(new URL(`copy-worker.${import.meta.url.endsWith('.ts') ? 'ts' : 'js'}`, import.meta.url), options);
}

/**
 * Threads that read, decompress and pack windows, shared by all disks in flight, so that threads and memory do not grow
 * with the number of disks. Threads start when there is work for them. The creator disposes of the pool after all
 * submitted work is finished.
 */
export class WorkerPool implements AsyncDisposable {
  /** Free buffers for stream windows. All streams share them, so their number is that of the windows in flight. */
  readonly inputs: SharedArrayBuffer[] = [];
  /** The maximum number of threads. */
  readonly workers: number;
  readonly #threads: WorkerThread[] = [];
  readonly #free: SharedArrayBuffer[] = [];
  readonly #waiting: ((slab: SharedArrayBuffer) => void)[] = [];
  #slabs = 0;

  constructor(workers: number = Math.min(availableParallelism(), MOST_WORKERS)) {
    this.workers = workers;
  }

  /** Returns a slab for one window. If none is free, waits for one to be returned, in request order. */
  takeSlab(): SharedArrayBuffer | Promise<SharedArrayBuffer> {
    const slab = this.#free.pop();
    if (slab) return slab;
    if (this.#slabs === this.workers * SLABS_PER_WORKER) return new Promise((resolve) => this.#waiting.push(resolve));
    this.#slabs += 1;
    return pageAlignedMemory(SLAB_BYTES);
  }

  /** Returns a slab. Call this only after the `pack` that used the slab has finished and its result is written. */
  giveBack(slab: SharedArrayBuffer): void {
    const next = this.#waiting.shift();
    if (next) next(slab);
    else this.#free.push(slab);
  }

  /**
   * Packs a window into `slab`.
   * @throws Hyper2kvmError kind `image` for damaged content.
   */
  async pack(window: CopyWindow, slab: SharedArrayBuffer, work: PackWork): Promise<PackedWindow> {
    const { clusters, packedBytes, sha256 } = await this.#idlest().run({ window, slab, work });
    const { offsetBytes, lengthBytes } = window;
    return { offsetBytes, lengthBytes, clusters, bytes: new Uint8Array(slab, 0, packedBytes), sha256 };
  }

  async [Symbol.asyncDispose](): Promise<void> {
    await Promise.all(this.#threads.map((thread) => thread.end()));
  }

  #idlest(): WorkerThread {
    const idlest = this.#threads.reduce<WorkerThread | undefined>(
      (best, thread) => (best && best.load <= thread.load ? best : thread),
      undefined,
    );
    if (idlest && (idlest.load === 0 || this.#threads.length === this.workers)) return idlest;
    const started = new WorkerThread();
    this.#threads.push(started);
    return started;
  }
}

type Done = Exclude<WorkerAnswer, { failure: unknown }>;

/** One thread. It answers requests in order. */
class WorkerThread {
  readonly #worker: Worker;
  readonly #waiting: { resolve: (done: Done) => void; reject: (error: unknown) => void }[] = [];
  #failure: { error: unknown } | undefined;

  constructor() {
    this.#worker = startWorker({ resourceLimits: { maxYoungGenerationSizeMb: YOUNG_MB } });
    this.#worker.on('message', (answer: WorkerAnswer) => this.#take(answer));
    this.#worker.on('error', (error) => this.#fail(threadError(error)));
    this.#worker.on('exit', () => this.#fail(new Error('a worker thread ended unexpectedly')));
  }

  /** Number of unanswered requests. */
  get load(): number {
    return this.#waiting.length;
  }

  run(task: WorkerTask): Promise<Done> {
    if (this.#failure) return Promise.reject(this.#failure.error);
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
    this.#failure ??= { error };
    for (const { reject } of this.#waiting.splice(0)) reject(error);
  }
}

/** Host resources that a thread needs to start: file descriptors, memory, and an entry in the process table. */
const LACKS = new Set(['EMFILE', 'ENFILE', 'EAGAIN', 'ENOMEM']);

/**
 * Returns an error of kind `host` if the thread could not start. That is Node.js's ERR_WORKER_INIT_FAILED, whose cause
 * is only in its message, or the code of a file that the thread could not load. Other errors are returned unchanged.
 */
function threadError(error: unknown): unknown {
  const code = typeof error === 'object' && error !== null && 'code' in error ? error.code : undefined;
  if (code !== 'ERR_WORKER_INIT_FAILED' && !LACKS.has(errnoOf(error) ?? '')) return error;
  return new Hyper2kvmError('host', `A worker thread could not be started: ${sentenceOf(error)}.`, {
    hint: 'Raise the limits of open files and of processes: ulimit -n 1024, ulimit -u.',
    cause: error,
  });
}
