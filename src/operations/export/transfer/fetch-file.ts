import { createHash, type Hash } from 'node:crypto';
import { Hyper2kvmError } from '../../../base/errors.ts';
import type { RateLimiter } from '../../../base/rate-limiter.ts';
import { encodeStream } from '../../../image/copy/encode-stream.ts';
import { ReadWindows, type ReadWindow } from '../../../image/copy/read-windows.ts';
import type { SharedWorkers } from '../../../image/copy/shared-workers.ts';
import type { ReadableDisk } from '../../../image/model/readable-disk.ts';
import { GrainWindows } from '../../../image/vmdk/stream/grain-windows.ts';
import {
  StreamOptimizedCheck,
  type StreamOptimizedSummary,
} from '../../../image/vmdk/stream/stream-optimized-check.ts';
import type { MemberWriter } from '../../../ovf/write/package-writer.ts';
import type { OpenedStream, ReadLimits, SourceFiles } from '../source/disk-source.ts';
import type { ArrivedFile } from '../source/manifest.ts';
import type { ContinuedImage } from '../target/continued-image.ts';
import type { ImageMember } from '../target/image-member.ts';
import type { WantedFile } from './wanted-files.ts';
import { watchReads } from './watch-reads.ts';

export interface FetchOptions {
  limiter: RateLimiter | undefined;
  limits: ReadLimits;
  /** Also compute SHA-1, for a source that provides no SHA-256. */
  withSha1: boolean;
  /** The threads that encode a disk when the source does not. */
  workers: SharedWorkers;
  /** Called when an earlier attempt or run has written the disk up to this offset, or when its file is not used. */
  onRestored: (restored: Restored) => void;
  /** Called after every chunk. */
  onProgress: (receivedBytes: number, coveredBytes: number) => void;
}

/** The destination of the content, which this function neither commits nor discards. */
export type Receiver =
  | Pick<MemberWriter, 'write'>
  | (Pick<ImageMember, 'copyFrom' | 'windowBytes' | 'freeInputs'> &
      Partial<Pick<ContinuedImage, 'restore' | 'contentSha256'>>);
type BytesReceiver = Exclude<Receiver, { copyFrom: unknown }>;
type ImageReceiver = Exclude<Receiver, { write: unknown }>;

type Restored = Awaited<ReturnType<ContinuedImage['restore']>>;
type Fetched = ArrivedFile & { populatedBytes: number | undefined };

/** Limit for a file that is not a disk, whatever size the server announces: an NVRAM has less than 1 MiB. */
const MOST_OTHER_BYTES = 16 * 1024 * 1024;

/**
 * Downloads one file once, and hashes and verifies it on its way into `member`.
 * @throws Hyper2kvmError when the source fails, or when the content is not a complete disk or has another capacity than
 * the VM's hardware.
 */
export async function fetchFile(
  file: WantedFile,
  files: SourceFiles,
  member: Receiver,
  options: FetchOptions,
  signal: AbortSignal,
): Promise<Fetched> {
  const opened = await files.open(file.key, options.limits, signal);
  if (opened.access === 'stream') {
    const arrival = new Arrival(file, opened, options, signal);
    return 'copyFrom' in member ? await arrival.intoImage(member) : await arrival.intoBytes(member);
  }
  await using disk = opened;
  return await fetchDisk(file, watchReads(disk.disk, options.limits, files.server), member, options, signal);
}

/** One stream during its download. */
class Arrival {
  readonly #file: WantedFile;
  readonly #stream: OpenedStream;
  readonly #options: FetchOptions;
  readonly #signal: AbortSignal;
  readonly #sha256 = createHash('sha256');
  readonly #sha1: Hash | undefined;
  #sizeBytes = 0;

  constructor(file: WantedFile, stream: OpenedStream, options: FetchOptions, signal: AbortSignal) {
    this.#file = file;
    this.#stream = stream;
    this.#options = options;
    this.#signal = signal;
    this.#sha1 = options.withSha1 ? createHash('sha1') : undefined;
  }

  async intoBytes(member: BytesReceiver): Promise<Fetched> {
    const { isDisk, name } = this.#file;
    const check = isDisk ? new StreamOptimizedCheck({ name }) : undefined;
    for await (const chunk of this.#chunks(() => check?.coveredBytes)) {
      check?.update(chunk);
      await member.write(chunk);
    }
    return this.#end(check?.finish());
  }

  async intoImage(member: ImageReceiver): Promise<Fetched> {
    const grains = new GrainWindows(this.#file.name, { free: member.freeInputs, windowBytes: member.windowBytes });
    const windows = grains.windows(this.#chunks(() => grains.coveredBytes));
    await member.copyFrom({ windows, release: (window) => grains.release(window) }, this.#signal);
    return this.#end(grains.summary);
  }

  /** Hashes the chunks as they pass, at the rate of the limiter. `coveredBytes` is called after each chunk has been consumed. */
  async *#chunks(coveredBytes: () => number | undefined): AsyncGenerator<Buffer, void, undefined> {
    const { limiter, onProgress } = this.#options;
    for await (const chunk of this.#stream.chunks) {
      if (limiter) await limiter.take(chunk.length, this.#signal);
      this.#sha256.update(chunk);
      this.#sha1?.update(chunk);
      this.#sizeBytes += chunk.length;
      if (!this.#file.isDisk && this.#sizeBytes > mostOther(this.#stream)) throw tooLong(this.#file, this.#stream);
      yield chunk;
      onProgress(this.#sizeBytes, coveredBytes() ?? this.#sizeBytes);
    }
  }

  #end(summary: StreamOptimizedSummary | undefined): Fetched {
    const { key, name, isDisk, capacityBytes } = this.#file;
    if (summary && summary.capacityBytes !== capacityBytes) throw wrongCapacity(this.#file, summary.capacityBytes);
    const announced = this.#stream.sizeBytes;
    if (!isDisk && announced > 0 && this.#sizeBytes !== announced) {
      throw wrongSize(this.#file, announced, this.#sizeBytes);
    }
    const hashes = { sha256: this.#sha256.digest('hex'), sha1: this.#sha1?.digest('hex') };
    return { key, name, sizeBytes: this.#sizeBytes, ...hashes, populatedBytes: populatedOf(summary) };
  }
}

/** Reads a disk with random access. For a package, encodes it here as a streamOptimized VMDK. */
async function fetchDisk(
  file: WantedFile,
  disk: ReadableDisk,
  member: Receiver,
  options: FetchOptions,
  signal: AbortSignal,
): Promise<Fetched> {
  const { limiter, workers, onProgress } = options;
  const { key, name, capacityBytes } = file;
  if (disk.capacityBytes !== capacityBytes) throw wrongCapacity(file, disk.capacityBytes);
  const beforeRead = limiter && ((bytes: number) => limiter.take(bytes, signal));
  const reading = { signal, ...(beforeRead && { beforeRead }) };
  let readBytes = 0;
  const sha256 = createHash('sha256');
  const isHashed = 'contentSha256' in member;
  /** Hashes the windows together with their offsets, unless their content is hashed later. */
  const counted = async function* (windows: AsyncIterable<ReadWindow>) {
    for await (const window of windows) {
      for (const { at, lengthBytes, fileOffsetBytes } of window.parts) {
        readBytes += lengthBytes;
        if (isHashed) continue;
        sha256.update(`${window.offsetBytes + at}:${lengthBytes}\n`);
        sha256.update(new Uint8Array(window.input, fileOffsetBytes, lengthBytes));
      }
      yield window;
    }
  };
  const report = (coveredBytes: number): void => onProgress(readBytes, coveredBytes);
  if ('copyFrom' in member) {
    const restored = await member.restore?.(signal);
    if (restored) options.onRestored(restored);
    const rest = restAfter(disk, restored?.coveredBytes ?? 0);
    const reader = new ReadWindows(rest, { ...reading, windowBytes: member.windowBytes });
    const windows = counted(reader.windows());
    await member.copyFrom({ windows, release: (window) => reader.release(window) }, signal, report);
    const hash = member.contentSha256?.() ?? sha256.digest('hex');
    return { key, name, sizeBytes: readBytes, sha256: hash, sha1: undefined, populatedBytes: readBytes };
  }
  await using use = workers.use();
  const reader = new ReadWindows(disk, reading);
  const onRelease = (window: Parameters<typeof reader.release>[0]): void => reader.release(window);
  const encoding = { virtualSizeBytes: capacityBytes, fileName: name, pool: use.pool, signal, onRelease };
  const chunks = encodeStream(counted(reader.windows()), { ...encoding, onProgress: report });
  // The rate and the progress are those of the reads above.
  const own = { ...options, limiter: undefined, withSha1: false, onProgress: () => {} };
  return await new Arrival(file, { access: 'stream', sizeBytes: 0, chunks }, own, signal).intoBytes(member);
}

/** The disk without the allocated ranges before an offset. */
function restAfter(disk: ReadableDisk, offsetBytes: number): ReadableDisk {
  if (offsetBytes === 0) return disk;
  return {
    capacityBytes: disk.capacityBytes,
    async *allocated(signal) {
      for await (const range of disk.allocated(signal)) {
        const endBytes = range.offsetBytes + range.lengthBytes;
        const from = Math.max(offsetBytes, range.offsetBytes);
        if (from < endBytes) yield { offsetBytes: from, lengthBytes: endBytes - from };
      }
    },
    read: (at, target, signal) => disk.read(at, target, signal),
  };
}

function populatedOf(summary: StreamOptimizedSummary | undefined): number | undefined {
  return summary && Math.min(summary.grainCount * summary.grainSizeBytes, summary.capacityBytes);
}

function mostOther({ sizeBytes }: OpenedStream): number {
  return Math.min(sizeBytes || MOST_OTHER_BYTES, MOST_OTHER_BYTES);
}

function tooLong(file: WantedFile, stream: OpenedStream): Hyper2kvmError {
  const sentence = `${file.name} is longer than ${mostOther(stream)} bytes, its maximum size.`;
  return new Hyper2kvmError('transfer', sentence, { retryable: true });
}

function wrongCapacity(file: WantedFile, arrivedBytes: number): Hyper2kvmError {
  return new Hyper2kvmError(
    'image',
    `${file.name} arrived with a capacity of ${arrivedBytes} bytes; the VM's hardware has ${file.capacityBytes}.`,
    { hint: 'The disk was changed during the export, or the server sent another one.' },
  );
}

function wrongSize(file: WantedFile, announcedBytes: number, sizeBytes: number): Hyper2kvmError {
  return new Hyper2kvmError(
    'transfer',
    `${file.name} arrived with ${sizeBytes} bytes; the server announced ${announcedBytes}.`,
    { retryable: true },
  );
}
