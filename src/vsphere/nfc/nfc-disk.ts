import { settleAll } from '../../base/concurrency.ts';
import type { DiskArea } from '../vm/changed-areas.ts';
import type { OpenedFile } from './frames.ts';
import type { HostBudget } from './host-budget.ts';
import { HOST_ERRORS, NfcHostError } from './nfc-error.ts';
import type { NfcSession } from './nfc-session.ts';

/** The longest read of one request. */
const MOST_READ_BYTES = 1024 * 1024;
/** Chunks of the allocation map, and how many one question may cover, as documented. */
const CHUNK_BYTES = 64 * 1024;
const MOST_CHUNKS = 524_288;

/** Content of a part of a disk. */
export interface DiskPiece {
  offsetBytes: number;
  /** Valid until the next piece is requested. */
  bytes: Uint8Array;
}

/** What a disk has transferred. */
export interface NfcTotals {
  requests: number;
  contentBytes: number;
}

/**
 * An open disk of a VM with random access, on a connection of its own. After the first error of the connection all
 * reads fail; the disk must then be disposed of and opened again.
 */
export class NfcDisk implements AsyncDisposable {
  /** `host:port`, for messages. */
  readonly host: string;
  readonly #session: NfcSession;
  readonly #file: OpenedFile;
  readonly #budget: HostBudget;
  readonly #depth: number;
  readonly #onClose: (totals: NfcTotals, failure: unknown) => void;
  /** Requests in flight or waiting for the budget, and those that wait for one of these to end. */
  #inFlight = 0;
  readonly #waiting: (() => void)[] = [];
  #contentBytes = 0;
  #isClosed = false;

  /** Takes over the session, which it closes. `onClose` is called once. */
  constructor(
    session: NfcSession,
    facts: { host: string; file: OpenedFile; budget: HostBudget; depth: number },
    onClose: (totals: NfcTotals, failure: unknown) => void,
  ) {
    this.#session = session;
    this.host = facts.host;
    this.#file = facts.file;
    this.#budget = facts.budget;
    this.#depth = facts.depth;
    this.#onClose = onClose;
  }

  get capacityBytes(): number {
    return this.#file.capacityBytes;
  }

  /**
   * Fills `target` with the content at `offsetBytes`, within the capacity. Many reads can be in flight at the same time.
   * @throws a retryable Hyper2kvmError when the connection broke; NfcHostError; NfcUnavailableError; the signal's reason.
   */
  async read(offsetBytes: number, target: Uint8Array, signal: AbortSignal): Promise<void> {
    signal.throwIfAborted();
    const { capacityBytes, sectorBytes } = this.#file;
    const endBytes = offsetBytes + target.length;
    if (offsetBytes < 0 || endBytes > capacityBytes) throw new RangeError(`no bytes ${offsetBytes} to ${endBytes}`);
    const from = Math.floor(offsetBytes / sectorBytes) * sectorBytes;
    const to = Math.ceil(endBytes / sectorBytes) * sectorBytes;
    if (from !== offsetBytes || to !== endBytes) {
      const sectors = new Uint8Array(to - from);
      await this.read(from, sectors, signal);
      target.set(sectors.subarray(offsetBytes - from, endBytes - from));
      return;
    }
    const reads: Promise<void>[] = [];
    for (let at = 0; at < target.length; at += MOST_READ_BYTES) {
      reads.push(this.#request(offsetBytes + at, target.subarray(at, at + MOST_READ_BYTES), signal));
    }
    await settleAll(reads);
    this.#contentBytes += target.length;
  }

  /**
   * Yields the content of ranges in their order, in pieces of at most 1 MiB, with several requests in flight. No read is
   * in flight after this generator ends.
   * @throws as {@link read}.
   */
  async *readRanges(
    ranges: AsyncIterable<DiskArea> | Iterable<DiskArea>,
    signal: AbortSignal,
  ): AsyncGenerator<DiskPiece, void, undefined> {
    const stop = new AbortController();
    const shared = AbortSignal.any([signal, stop.signal]);
    const reads: { memory: Uint8Array; piece: Promise<DiskPiece> }[] = [];
    const free: Uint8Array[] = [];
    const takeFirst = async function* (): AsyncGenerator<DiskPiece, void, undefined> {
      const first = reads.shift();
      if (!first) return;
      yield await first.piece;
      free.push(first.memory);
    };
    try {
      for await (const { offsetBytes, lengthBytes } of ranges) {
        for (let at = 0; at < lengthBytes; at += MOST_READ_BYTES) {
          const memory = free.pop() ?? new Uint8Array(MOST_READ_BYTES);
          const bytes = memory.subarray(0, Math.min(MOST_READ_BYTES, lengthBytes - at));
          const offset = offsetBytes + at;
          const piece = this.read(offset, bytes, shared).then(() => ({ offsetBytes: offset, bytes }));
          // A failure is handled when its turn comes. Until then it must not count as an unhandled rejection.
          piece.catch(() => undefined);
          reads.push({ memory, piece });
          if (reads.length > this.#depth) yield* takeFirst();
        }
      }
      while (reads.length > 0) yield* takeFirst();
    } finally {
      stop.abort();
      await Promise.allSettled(reads.map(({ piece }) => piece));
    }
  }

  /**
   * Yields the ranges that the opened file has allocated. It is not known whether hosts include what the parents of a
   * file have, so this is of use only for a file without a parent.
   * @throws as {@link read}.
   */
  async *allocatedBlocks(signal: AbortSignal): AsyncGenerator<DiskArea, void, undefined> {
    const { capacityBytes, handle } = this.#file;
    const chunks = Math.floor(capacityBytes / CHUNK_BYTES);
    let range: DiskArea | undefined;
    for (let first = 0; first < chunks; first += MOST_CHUNKS) {
      signal.throwIfAborted();
      const count = Math.min(MOST_CHUNKS, chunks - first);
      const bitmap = await this.#session.allocated(handle, CHUNK_BYTES, first * CHUNK_BYTES, count);
      for (let index = 0; index < count; index += 1) {
        const isAllocated = ((bitmap[index >> 3] ?? 0) >> (index & 7)) & 1;
        if (isAllocated) {
          range ??= { offsetBytes: (first + index) * CHUNK_BYTES, lengthBytes: 0 };
          range.lengthBytes += CHUNK_BYTES;
        } else if (range) {
          yield range;
          range = undefined;
        }
      }
    }
    // A last chunk that is not complete cannot be asked for, and counts as allocated.
    const tailBytes = capacityBytes - chunks * CHUNK_BYTES;
    if (tailBytes > 0) {
      range ??= { offsetBytes: chunks * CHUNK_BYTES, lengthBytes: 0 };
      range.lengthBytes += tailBytes;
    }
    if (range) yield range;
  }

  /** Closes the file, the session and the connection. Never throws. */
  async [Symbol.asyncDispose](): Promise<void> {
    if (this.#isClosed) return;
    this.#isClosed = true;
    const { failure, requests } = this.#session;
    await this.#session.close(this.#file.handle);
    this.#onClose({ requests, contentBytes: this.#contentBytes }, failure);
  }

  async #request(offsetBytes: number, target: Uint8Array, signal: AbortSignal): Promise<void> {
    await this.#takePlace(signal);
    try {
      await this.#budget.take(target.length, signal);
      try {
        await this.#session.read(this.#file.handle, offsetBytes, target, signal);
      } finally {
        this.#budget.give(target.length);
      }
    } catch (error) {
      if (error instanceof NfcHostError && error.code === HOST_ERRORS.memory) this.#budget.halve(error);
      throw error;
    } finally {
      this.#inFlight -= 1;
      this.#waiting.shift()?.();
    }
  }

  async #takePlace(signal: AbortSignal): Promise<void> {
    while (this.#inFlight >= this.#depth) await new Promise<void>((resolve) => this.#waiting.push(resolve));
    this.#inFlight += 1;
    if (!signal.aborted) return;
    this.#inFlight -= 1;
    this.#waiting.shift()?.();
    signal.throwIfAborted();
  }
}
