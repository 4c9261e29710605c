import type { ReadableDisk } from '../model/readable-disk.ts';
import { FROM_INPUT, WINDOW_BYTES, type CopyWindow } from '../model/window.ts';

export interface ReadWindowsOptions {
  /** {@link WINDOW_BYTES} or a fraction of it, and no less than a cluster of the result. */
  windowBytes?: number;
  signal: AbortSignal;
  /** Waits until so many bytes may be read. */
  beforeRead?: (bytes: number) => Promise<void>;
}

/** A window whose content is in memory. */
export type ReadWindow = CopyWindow & { input: SharedArrayBuffer };

/** Windows that are read ahead of the one that the copy takes: a network answers several requests in the time of one. */
const READ_AHEAD = 4;

/** Cuts a disk that can be read at any place into windows for the copy engine, and reads them. Windows without allocated ranges are left out. */
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

  /** Gives a window's buffer back. */
  release({ input }: CopyWindow): void {
    if (input) this.#free.push(input);
  }

  /** The windows, in order, each with its content. On every way out no read is in flight any more. @throws what the disk throws. */
  async *windows(): AsyncGenerator<ReadWindow, void, undefined> {
    const stop = new AbortController();
    const signal = AbortSignal.any([this.#options.signal, stop.signal]);
    const reads: Promise<ReadWindow>[] = [];
    try {
      for await (const window of this.#plan(signal)) {
        const read = this.#fill(window, signal);
        // A failure is met when its turn comes; until then it must not count as unhandled.
        read.catch(() => undefined);
        reads.push(read);
        if (reads.length > READ_AHEAD) yield* takeFirst(reads);
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
    for (const { at, lengthBytes } of window.parts) {
      await this.#options.beforeRead?.(lengthBytes);
      await this.#disk.read(window.offsetBytes + at, new Uint8Array(input, at, lengthBytes), signal);
    }
    return { ...window, input };
  }
}

async function* takeFirst(reads: Promise<ReadWindow>[]): AsyncGenerator<ReadWindow, void, undefined> {
  const first = reads.shift();
  if (first) yield await first;
}
