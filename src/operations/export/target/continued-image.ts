import { createHash } from 'node:crypto';
import { removeFile } from '../../../base/output/local-folder.ts';
import type { ContinuedFile } from '../../../base/output/output.ts';
import { copyWindows } from '../../../image/copy/copy-image.ts';
import { isZero } from '../../../image/copy/pack-window.ts';
import type { WorkerPool } from '../../../image/copy/worker-pool.ts';
import { createSink } from '../../../image/create-sink.ts';
import type { ImageEncoding } from '../../../image/model/encoding.ts';
import type { DiskSink, StoredPart } from '../../../image/model/sink.ts';
import type { PackedWindow } from '../../../image/model/window.ts';
import type { MemberRecord } from '../../../ovf/write/package-writer.ts';
import { ARRIVING_WINDOW_BYTES, type ArrivingDisk } from './image-member.ts';
import { WrittenJournal, type JournalFacts, type WrittenBatch, type WrittenWindow } from './written-journal.ts';

/** What was written is flushed and recorded after this much content, or after this time, whichever comes first. */
const RECORD_EVERY_BYTES = 64 * 1024 * 1024;
const RECORD_EVERY_MS = 5000;

export interface ContinuedImageOptions {
  file: ContinuedFile;
  /** The file is that of an earlier attempt or run, and has this journal. */
  left: WrittenJournal | undefined;
  journal: string;
  facts: JournalFacts;
  encoding: ImageEncoding;
  pool: WorkerPool;
  onEnd: (record: MemberRecord | undefined) => void;
}

/** True if an interrupted image of this kind can be continued. The place of a compressed cluster depends on its content. */
export function canContinue({ format, compression }: ImageEncoding): boolean {
  return compression === undefined && (format === 'raw' || format === 'qcow2');
}

/** The size of the windows of an image with these clusters. */
export function continuedWindowBytes(clusterBytes: number): number {
  return Math.max(ARRIVING_WINDOW_BYTES, clusterBytes);
}

/**
 * An image of a disk that is read at any place. A journal next to it records what has been flushed, so that an
 * interrupted image can be continued where it was, by this run or a later one, also after a kill -9.
 */
export class ContinuedImage {
  readonly restsOnHash = false;
  readonly windowBytes: number;
  readonly freeInputs: SharedArrayBuffer[] = [];
  readonly #options: ContinuedImageOptions;
  readonly #stop = new AbortController();
  #sink: DiskSink;
  #journal: WrittenJournal | undefined;
  #copying: Promise<unknown> = Promise.resolve();
  #state: 'open' | 'complete' | 'gone' = 'open';
  #digest = createHash('sha256');
  /** Windows that are not in the journal yet, in the order in which they were written. */
  #pending: WrittenWindow[] = [];
  #pendingBytes = 0;
  #coveredBytes = 0;
  #recordedBytes = 0;
  #recordedMs = Date.now();
  #recording: Promise<void> | undefined;
  #failure: { error: unknown } | undefined;

  private constructor(options: ContinuedImageOptions, sink: DiskSink) {
    this.#options = options;
    this.#sink = sink;
    this.#journal = options.left;
    this.windowBytes = options.facts.windowBytes;
  }

  static async open(options: ContinuedImageOptions): Promise<ContinuedImage> {
    return new ContinuedImage(options, await sinkOf(options));
  }

  /** The digest over the content, as of `copyWindows`. Valid after the copy. */
  contentSha256(): string {
    return this.#digest.copy().digest('hex');
  }

  /**
   * Takes over what an earlier attempt or run has written, after reading all of it back. Call once, before
   * {@link copyFrom}. Returns the offset up to which the disk is done. When the content of the file is not what was
   * written to it, nothing of it is used, and `isDamaged` is true.
   */
  async restore(signal: AbortSignal): Promise<{ coveredBytes: number; isDamaged: boolean }> {
    const { left, facts } = this.#options;
    if (left === undefined) return { coveredBytes: 0, isDamaged: false };
    const content = Buffer.alloc(facts.windowBytes);
    let coveredBytes = 0;
    let verifiedBytes = 0;
    const isIntact = async ({ windows, coveredBytes: until }: WrittenBatch): Promise<boolean> => {
      for (const window of windows) {
        signal.throwIfAborted();
        const { offsetBytes, lengthBytes } = window;
        if (!(await this.#areZeros(verifiedBytes, offsetBytes, content, signal))) return false;
        if (!(await this.#restoreWindow(window, content))) return false;
        verifiedBytes = offsetBytes + lengthBytes;
      }
      const areZeros = await this.#areZeros(verifiedBytes, until, content, signal);
      verifiedBytes = Math.max(verifiedBytes, until);
      return areZeros;
    };
    for await (const batch of left.batches()) {
      if (!(await isIntact(batch))) {
        await this.#startOver();
        return { coveredBytes: 0, isDamaged: true };
      }
      coveredBytes = batch.coveredBytes;
    }
    await this.#sink.endRestore?.(coveredBytes);
    this.#coveredBytes = coveredBytes;
    this.#recordedBytes = coveredBytes;
    return { coveredBytes, isDamaged: false };
  }

  /** As `ImageMember.copyFrom`, for the windows from the restored offset on. */
  async copyFrom(
    { windows, release }: ArrivingDisk,
    signal: AbortSignal,
    onProgress: (coveredBytes: number) => void = () => {},
  ): Promise<void> {
    const { pool, facts, journal } = this.#options;
    this.#journal ??= await WrittenJournal.create(journal, facts);
    this.#recordedMs = Date.now();
    const sink = {
      clusterBytes: this.#sink.clusterBytes,
      put: (window: PackedWindow) => this.#put(window),
      finish: () => this.#sink.finish(),
      discard: () => this.#sink.discard(),
    };
    const copying = copyWindows(windows, sink, {
      pool,
      compression: undefined,
      verify: true,
      hash: true,
      signal: AbortSignal.any([signal, this.#stop.signal]),
      onRelease: release,
      onProgress: (coveredBytes) => {
        this.#coveredBytes = coveredBytes;
        this.#recordInTime();
        onProgress(coveredBytes);
      },
    });
    this.#copying = copying;
    try {
      await copying;
    } finally {
      await this.#recording;
    }
    if (this.#failure) throw this.#failure.error;
  }

  async commit(sha256: string): Promise<MemberRecord> {
    const { sizeBytes, modifiedMs } = await this.#sink.finish();
    this.#state = 'complete';
    await this.#journal?.[Symbol.asyncDispose]();
    await removeFile(this.#options.journal);
    const record = { name: this.#options.file.name, sizeBytes, sha256, modifiedMs };
    this.#options.onEnd(record);
    return record;
  }

  /** Keeps what was written for another attempt or run. Removes the file when that is nothing. */
  async suspend(): Promise<void> {
    if (this.#state !== 'open') return await this.discard();
    this.#stop.abort();
    await this.#copying.catch(() => undefined);
    if (this.#failure === undefined) await this.#record();
    if (this.#journal === undefined || this.#failure || (this.#recordedBytes === 0 && !this.#options.left)) {
      return await this.discard();
    }
    this.#state = 'gone';
    await this.#journal[Symbol.asyncDispose]();
    await this.#options.file.suspend();
    this.#options.onEnd(undefined);
  }

  /** Also removes a complete image. */
  async discard(): Promise<void> {
    const state = this.#state;
    if (state === 'gone') return;
    this.#state = 'gone';
    this.#stop.abort();
    await this.#copying.catch(() => undefined);
    await this.#recording?.catch(() => undefined);
    if (state === 'open') await this.#journal?.[Symbol.asyncDispose]();
    await this.#sink.discard();
    await removeFile(this.#options.journal);
    this.#options.onEnd(undefined);
  }

  /** Reads a range without windows, if the file must have zeros there. */
  async #areZeros(from: number, to: number, content: Buffer, signal: AbortSignal): Promise<boolean> {
    if (this.#sink.isLinear !== true) return true;
    for (let at = from; at < to; at += content.length) {
      signal.throwIfAborted();
      const piece = content.subarray(0, Math.min(content.length, to - at));
      if (!(await this.#options.file.read(piece, at)) || !isZero(piece)) return false;
    }
    return true;
  }

  async #restoreWindow(window: WrittenWindow, content: Buffer): Promise<boolean> {
    const { file } = this.#options;
    const parts = (await this.#sink.restore?.(window)) ?? [];
    content.fill(0);
    for (const { at, lengthBytes, fileOffsetBytes } of inRuns(parts)) {
      if (at + lengthBytes > content.length) return false;
      if (!(await file.read(content.subarray(at, at + lengthBytes), fileOffsetBytes))) return false;
    }
    const { offsetBytes, lengthBytes, sha256 } = window;
    if (createHash('sha256').update(content.subarray(0, lengthBytes)).digest('hex') !== sha256) return false;
    this.#hash(offsetBytes, sha256);
    return true;
  }

  async #startOver(): Promise<void> {
    await this.#journal?.[Symbol.asyncDispose]();
    this.#journal = undefined;
    this.#digest = createHash('sha256');
    await this.#options.file.setSize(0);
    this.#sink = await sinkOf(this.#options);
  }

  #put(window: PackedWindow): Promise<void> {
    if (this.#failure) return Promise.reject(this.#failure.error);
    const { offsetBytes, lengthBytes, sha256, clusters } = window;
    this.#pending.push({ offsetBytes, lengthBytes, sha256, clusters: clusters.map(({ index }) => index) });
    this.#pendingBytes += clusters.length * this.#sink.clusterBytes;
    this.#hash(offsetBytes, sha256);
    return this.#sink.put(window);
  }

  #hash(offsetBytes: number, sha256: string): void {
    this.#digest.update(`${offsetBytes}:${sha256}\n`);
  }

  #recordInTime(): void {
    const isDue = this.#pendingBytes >= RECORD_EVERY_BYTES || Date.now() - this.#recordedMs >= RECORD_EVERY_MS;
    if (!isDue || this.#recording !== undefined) return;
    this.#recording = this.#record()
      .catch((error: unknown) => void (this.#failure ??= { error }))
      .finally(() => (this.#recording = undefined));
  }

  /** Flushes the image, and then records the windows that it certainly contains. */
  async #record(): Promise<void> {
    const coveredBytes = this.#coveredBytes;
    if (coveredBytes <= this.#recordedBytes || this.#journal === undefined) return;
    const windows = this.#pending.filter(({ offsetBytes }) => offsetBytes < coveredBytes);
    this.#pending = this.#pending.slice(windows.length);
    this.#pendingBytes = 0;
    await this.#options.file.flush();
    await this.#journal.append({ windows, coveredBytes });
    this.#recordedBytes = coveredBytes;
    this.#recordedMs = Date.now();
  }
}

/** For a raw image that exists, this sets the size that it has. */
function sinkOf({ file, encoding, facts }: ContinuedImageOptions): Promise<DiskSink> {
  return createSink(file, encoding, { virtualSizeBytes: facts.capacityBytes });
}

/** Joins parts that are adjacent both on the disk and in the file. */
function inRuns(parts: readonly StoredPart[]): StoredPart[] {
  const runs: StoredPart[] = [];
  for (const part of parts) {
    const last = runs.at(-1);
    const isNext =
      last?.at === part.at - (last?.lengthBytes ?? 0) &&
      last.fileOffsetBytes + last.lengthBytes === part.fileOffsetBytes;
    if (last && isNext) last.lengthBytes += part.lengthBytes;
    else runs.push({ ...part });
  }
  return runs;
}
