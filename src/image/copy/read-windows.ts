import { settleAll } from '../../base/concurrency.ts';
import type { ReadableDisk } from '../model/readable-disk.ts';
import { FROM_INPUT, WINDOW_BYTES, type CopyWindow } from '../model/window.ts';

export interface ReadWindowsOptions {
  /** {@link WINDOW_BYTES} or a fraction of it, but at least one cluster of the result. */
  windowBytes?: number;
  signal: AbortSignal;
  /** Resolves when this many bytes may be read. */
  beforeRead?: (bytes: number) => Promise<void>;
}

/** A window whose content is in memory. */
export type ReadWindow = CopyWindow & { input: SharedArrayBuffer };

/** Bytes of windows to read ahead of the copy. A network serves several requests in the time of one. */
const READ_AHEAD_BYTES = 16 * 1024 * 1024;

/**
 * Divides a random-access disk into windows for the copy engine, and reads them. Windows without allocated ranges are
 * omitted.
 */
export class ReadWindows {
  readonly #disk: ReadableDisk;
  readonly #options: ReadWindowsOptions;
  readonly #windowBytes: number;
  readonly #free: SharedArrayBuffer[] = [];

  constructor(disk: ReadableDisk, options: ReadWindowsOptions) {
    this.#disk = disk;
    this.#options = options;
    this.#windowBytes = options.windowBytes ?? WINDOW_BYTES;
  }

  /** Returns the buffer of a window for reuse. */
  release({ input }: CopyWindow): void {
    if (input) this.#free.push(input);
  }

  /**
   * Yields the windows in order, each with its content. No read is in flight after this generator ends, whatever the
   * reason.
   * @throws any error of the disk.
   */
  async *windows(): AsyncGenerator<ReadWindow, void, undefined> {
    const stop = new AbortController();
    const signal = AbortSignal.any([this.#options.signal, stop.signal]);
    const reads: Promise<ReadWindow>[] = [];
    try {
      for await (const window of this.#plan(signal)) {
        const read = this.#fill(window, signal);
        // A failure is handled when its turn comes. Until then it must not count as an unhandled rejection.
        read.catch(() => undefined);
        reads.push(read);
        if (reads.length * this.#windowBytes >= READ_AHEAD_BYTES) yield* takeFirst(reads);
      }
      while (reads.length > 0) yield* takeFirst(reads);
    } finally {
      stop.abort();
      await Promise.allSettled(reads);
    }
  }

  /** The windows that have allocated ranges, without their content. */
  async *#plan(signal: AbortSignal): AsyncGenerator<CopyWindow, void, undefined> {
    const { capacityBytes } = this.#disk;
    let window: CopyWindow | undefined;
    for await (const range of this.#disk.allocated(signal)) {
      const endBytes = Math.min(range.offsetBytes + range.lengthBytes, capacityBytes);
      for (let from = range.offsetBytes; from < endBytes;) {
        const offsetBytes = Math.floor(from / this.#windowBytes) * this.#windowBytes;
        if (window?.offsetBytes !== offsetBytes) {
          if (window) yield window;
          window = { offsetBytes, lengthBytes: Math.min(this.#windowBytes, capacityBytes - offsetBytes), parts: [] };
        }
        const to = Math.min(endBytes, offsetBytes + this.#windowBytes);
        const at = from - offsetBytes;
        window.parts.push({ at, lengthBytes: to - from, fd: FROM_INPUT, fileOffsetBytes: at, compressed: undefined });
        from = to;
      }
    }
    if (window) yield window;
  }

  async #fill(window: CopyWindow, signal: AbortSignal): Promise<ReadWindow> {
    const input = this.#free.pop() ?? new SharedArrayBuffer(this.#windowBytes);
    const reads: Promise<void>[] = [];
    try {
      for (const { at, lengthBytes } of window.parts) {
        await this.#options.beforeRead?.(lengthBytes);
        const read = this.#disk.read(window.offsetBytes + at, new Uint8Array(input, at, lengthBytes), signal);
        // A failure is handled below. Until then it must not count as an unhandled rejection.
        read.catch(() => undefined);
        reads.push(read);
      }
    } finally {
      await settleAll(reads);
    }
    return { ...window, input };
  }
}

async function* takeFirst(reads: Promise<ReadWindow>[]): AsyncGenerator<ReadWindow, void, undefined> {
  const first = reads.shift();
  if (first) yield await first;
}
