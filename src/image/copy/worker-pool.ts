import { availableParallelism } from 'node:os';
import { Worker, type WorkerOptions } from 'node:worker_threads';
import { pageAlignedMemory } from '../../base/files/direct-io.ts';
import { Hyper2kvmError, sentenceOf } from '../../base/errors.ts';
import { errnoOf } from '../../base/files/local-file-error.ts';
import type { PackWork, WorkerAnswer, WorkerTask } from './copy-worker.ts';
import { WINDOW_BYTES, type CopyWindow, type PackedWindow } from '../model/window.ts';

/** A whole window of clusters that do not compress, the last one filled up to a cluster of at most 2 MiB. */
const SLAB_BYTES = WINDOW_BYTES * 2;
/** A worker has one window in its hands and one waiting, while the sink writes those before. */
const SLABS_PER_WORKER = 3;
/**
 * Four decompress 2 GB a second where one does 0.5, and the thread that plans and writes does not do 3: more would wait for it, and each takes 20 to 25 MB.
 */
const MOST_WORKERS = 4;

/** Decompressed clusters die at once; in a larger young generation hundreds of megabytes of them wait for the collector. */
const YOUNG_MB = 4;

/** In the program that is one file: the worker's program, put there when it is bundled. */
declare const BUNDLED_COPY_WORKER: string | undefined;

/** Sources run as they are in development and under test, and as JavaScript when built. */
function startWorker(options: WorkerOptions): Worker {
  if (typeof BUNDLED_COPY_WORKER === 'string') return new Worker(BUNDLED_COPY_WORKER, { ...options, eval: true });
  return new Worker(new URL(`copy-worker.${import.meta.url.endsWith('.ts') ? 'ts' : 'js'}`, import.meta.url), options);
}

/**
 * Threads that read, decompress and pack windows, for all disks in flight together: so neither threads nor memory grow with the number of disks. Threads start when there is
 * work for them. Whoever makes the pool ends it, when all that it was given is over.
 */
export class WorkerPool implements AsyncDisposable {
  /** Buffers for windows of a stream that are free: shared by all streams, so that their number is that of the windows in flight. */
  readonly inputs: SharedArrayBuffer[] = [];
  /** The most threads that it has. */
  readonly workers: number;
  readonly #threads: WorkerThread[] = [];
  readonly #free: SharedArrayBuffer[] = [];
  readonly #waiting: ((slab: SharedArrayBuffer) => void)[] = [];
  #slabs = 0;

  constructor(workers: number = Math.min(availableParallelism(), MOST_WORKERS)) {
    this.workers = workers;
  }

  /** A place for one window; waits for one that is given back, in the order of asking. */
  takeSlab(): SharedArrayBuffer | Promise<SharedArrayBuffer> {
    const slab = this.#free.pop();
    if (slab) return slab;
    if (this.#slabs === this.workers * SLABS_PER_WORKER) return new Promise((resolve) => this.#waiting.push(resolve));
    this.#slabs += 1;
    return pageAlignedMemory(SLAB_BYTES);
  }

  /** Not before the `pack` that was given the slab is over, and its result written. */
  giveBack(slab: SharedArrayBuffer): void {
    const next = this.#waiting.shift();
    if (next) next(slab);
    else this.#free.push(slab);
  }

  /** Packs a window into `slab`. @throws Hyper2kvmError kind `image` for damaged content. */
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

/** One thread; it answers in the order in which it was asked. */
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

  /** Windows that it has not answered. */
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

/** What a thread needs of the host when it starts: descriptors, memory, a place in the table of processes. */
const LACKS = new Set(['EMFILE', 'ENFILE', 'EAGAIN', 'ENOMEM']);

/**
 * Kind `host` when the thread could not start: ERR_WORKER_INIT_FAILED of Node.js, which has the cause in its message only, or the code of a file that the thread could not load. Other errors
 * are returned as they are.
 */
function threadError(error: unknown): unknown {
  const code = typeof error === 'object' && error !== null && 'code' in error ? error.code : undefined;
  if (code !== 'ERR_WORKER_INIT_FAILED' && !LACKS.has(errnoOf(error) ?? '')) return error;
  return new Hyper2kvmError('host', `A worker thread could not be started: ${sentenceOf(error)}.`, {
    hint: 'Raise the limits of open files and of processes: ulimit -n 1024, ulimit -u.',
    cause: error,
  });
}
