import { fstatSync } from 'node:fs';
import { stat } from 'node:fs/promises';
import { basename } from 'node:path';
import { Hyper2kvmError } from '../../base/errors.ts';
import { copyImage, copyWindows, type CopySummary } from '../../image/copy/copy-image.ts';
import type { WorkerPool } from '../../image/copy/worker-pool.ts';
import { createSink } from '../../image/create-sink.ts';
import { movesGrains } from '../../image/model/encoding.ts';
import type { MappedImage } from '../../image/model/image.ts';
import { createNullSink } from '../../image/create-sink.ts';
import { openImage } from '../../image/open-image.ts';
import type { DiskSink, WrittenRange } from '../../image/model/sink.ts';
import { GrainWindows } from '../../image/vmdk/stream/grain-windows.ts';
import type { FolderOutput } from '../../base/output/folder-output.ts';
import type { PackageDisk } from '../../ovf/read/package-disk.ts';
import type { PackageReader } from '../../ovf/read/package-reader.ts';
import type { SourceDisk } from './convert-source.ts';
import type { DiskOrigin } from './types.ts';
import type { ConvertedDisk, ConvertOptions, DiskPass } from './types.ts';

/** The unit of `stat`'s block count. */
const STAT_BLOCK_BYTES = 512;
/** Allowance for the inode's own blocks. */
const LEAST_SLACK_BYTES = 64 * 1024;

export interface DiskTask {
  /** Names the source in errors. */
  source: string;
  disk: SourceDisk;
  origin: DiskOrigin;
  /** The final path, in the folder of `output`. */
  path: string;
  output: FolderOutput;
  options: ConvertOptions;
  /** The threads that all disks share. */
  pool: WorkerPool;
  /** The reader of the package that contains the disk. */
  reader: PackageReader;
  /**
   * This many bytes of the disk or of its file have been processed in this pass. `coveredBytes` is the corresponding
   * part of the capacity.
   */
  onProgress: (bytes: number, coveredBytes: number) => void;
  onPass: (pass: DiskPass) => void;
}

/** Converts one disk into a complete file of the output and verifies its content. On failure, no part of it remains. */
export async function convertDisk(task: DiskTask, signal: AbortSignal): Promise<ConvertedDisk> {
  return task.disk.kind === 'stream' ? convertStream(task, task.disk, signal) : convertImage(task, task.disk, signal);
}

async function convertImage(
  task: DiskTask,
  { image, packaged }: Extract<SourceDisk, { kind: 'image' }>,
  signal: AbortSignal,
): Promise<ConvertedDisk> {
  const hasDigest = packaged?.parts[0]?.digest !== undefined;
  if (packaged && hasDigest) await checkDigest(task, packaged, image.virtualSizeBytes, signal);
  const readBack = task.options.verify ?? !image.checksummed;
  const proof = proofOf(task, image, hasDigest, readBack);
  return await writeImage(task, image, proof, signal, async (sink, hash) => {
    const summary = await copyImage(image, sink, { ...copyOptions(task, hasDigest, signal), hash });
    requireUnchanged(image);
    return summary;
  });
}

async function convertStream(
  task: DiskTask,
  disk: Extract<SourceDisk, { kind: 'stream' }>,
  signal: AbortSignal,
): Promise<ConvertedDisk> {
  const grains = new GrainWindows(`${disk.name} in ${task.source}`, { free: task.pool.inputs });
  const pieces = asBuffers(task.reader.read(disk.packaged));
  const hasDigest = disk.packaged.parts.every((part) => part.digest !== undefined);
  const facts = {
    virtualSizeBytes: disk.capacityBytes,
    format: 'vmdk' as const,
    variant: 'streamOptimized',
    checksummed: true,
  };
  const readBack = task.options.verify ?? false;
  const proof = proofOf(task, facts, hasDigest, readBack);
  return writeImage(task, facts, proof, signal, async (sink, hash) => {
    const options = { ...copyOptions(task, hasDigest, signal), hash };
    const summary = await copyWindows(grains.windows(pieces), sink, {
      ...options,
      onRelease: (window) => grains.release(window),
    }).catch((error: unknown) => {
      throw asFileFault(error);
    });
    requireCapacity(task, disk.capacityBytes, grains.summary.capacityBytes);
    return summary;
  });
}

/**
 * An error that a download can retry, such as corrupt stream data, means a damaged file here, or an unsupported kind
 * of disk.
 */
function asFileFault(error: unknown): unknown {
  if (!(error instanceof Hyper2kvmError) || !error.retryable) return error;
  return new Hyper2kvmError('image', error.message, {
    cause: error,
    hint: 'Download the package again. If its disks are not streamOptimized VMDKs, unpack it (tar -xf) and convert its .ovf file.',
  });
}

type SourceFacts = Pick<MappedImage, 'virtualSizeBytes' | 'format' | 'variant' | 'checksummed'>;

/**
 * How the content will have been verified. With `--no-verify`, grains that can be copied unchanged are not
 * decompressed.
 */
function proofOf(
  { options: { verify, encode } }: DiskTask,
  { checksummed }: SourceFacts,
  hasDigest: boolean,
  readBack: boolean,
): ConvertedDisk['verified'] {
  if (readBack) return 'read-back';
  if (hasDigest) return 'manifest';
  return checksummed && (verify !== false || !movesGrains(encode)) ? 'checksums' : 'none';
}

async function writeImage(
  task: DiskTask,
  { virtualSizeBytes, format, variant }: SourceFacts,
  verified: ConvertedDisk['verified'],
  signal: AbortSignal,
  copy: (sink: DiskSink, hash: boolean) => Promise<CopySummary>,
): Promise<ConvertedDisk> {
  const { path, output, origin, options, onPass } = task;
  const readBack = verified === 'read-back';
  const sink = await createSink(await output.create(basename(path)), options.encode, { virtualSizeBytes });
  try {
    onPass('copy');
    const { contentSha256 } = await copy(sink, readBack);
    const { sizeBytes } = await sink.finish();
    if (readBack) {
      onPass('read-back');
      await compareContent(task, contentSha256, sink.written, signal);
    }
    const source = { source: origin, sourceFormat: format, sourceVariant: variant, virtualSizeBytes };
    return { path, format: options.encode.format, ...source, sizeBytes, verified };
  } catch (error) {
    await sink.discard();
    throw error;
  }
}

/**
 * Reads the entire result like any reader, except for the holes of a sparse file, and compares its content with what
 * was written.
 */
async function compareContent(
  { path, output, options: { encode }, pool, onProgress }: DiskTask,
  expected: string,
  written: readonly WrittenRange[] | undefined,
  signal: AbortSignal,
): Promise<void> {
  const partial = output.pathOf(basename(path));
  // The file was written with direct I/O. The read must return what is on disk, not what is in the page cache.
  await using image = await openImage(partial, {
    format: encode.format,
    isUncached: true,
    written: written && (await hasHolesElsewhere(partial, written)) ? written : undefined,
  });
  const options = { pool, compression: undefined, verify: true, hash: true, signal };
  const { contentSha256 } = await copyImage(image, createNullSink(), {
    ...options,
    onProgress: (bytes) => onProgress(bytes, bytes),
  });
  if (contentSha256 === expected) return;
  throw new Hyper2kvmError('image', `Reading back ${partial} returned other data than was written.`, {
    hint: 'The disk that stores it, or the memory of this host, is faulty.',
  });
}

/**
 * Whether the file system stores no more than what was written, so that the rest consists of holes, which are zeros
 * and need no read. False on FAT, which has no holes. The block map of a fragmented file counts too: on ext4, one 4
 * KiB block per 340 extents of at least 4 KiB each.
 */
async function hasHolesElsewhere(path: string, written: readonly WrittenRange[]): Promise<boolean> {
  const { blocks } = await stat(path);
  const writtenBytes = written.reduce((sum, { fromBytes, toBytes }) => sum + toBytes - fromBytes, 0);
  return blocks * STAT_BLOCK_BYTES <= writtenBytes * (1 + 1 / 256) + LEAST_SLACK_BYTES;
}

/**
 * A file that is truncated while it is read would appear as zeros past its new end. A file that is being written has
 * no consistent state.
 */
function requireUnchanged({ files }: MappedImage): void {
  for (const { path, fd, sizeBytes, modifiedMs } of files) {
    const now = fstatSync(fd);
    if (!now.isFile() || (now.size === sizeBytes && now.mtimeMs === modifiedMs)) continue;
    const what = now.size < sizeBytes ? 'became shorter' : 'was written to';
    throw new Hyper2kvmError('image', `${path} ${what} while it was read.`, {
      hint: 'Convert it when no other program writes to it.',
    });
  }
}

/** A grain is decompressed to verify it, unless a hash has already verified it or verification is off. */
function copyOptions({ options, pool, onProgress }: DiskTask, hasDigest: boolean, signal: AbortSignal) {
  const verify = !hasDigest && options.verify !== false;
  const passed = (bytes: number) => onProgress(bytes, bytes);
  return { pool, compression: options.encode.compression, verify, signal, onProgress: passed };
}

/**
 * A packaged file that is opened in place is read a second time for its hash, because the conversion does not read it
 * front to back.
 */
async function checkDigest(
  { reader, onProgress, onPass }: DiskTask,
  packaged: PackageDisk,
  capacityBytes: number,
  signal: AbortSignal,
): Promise<void> {
  onPass('hash');
  let bytes = 0;
  for await (const piece of reader.read(packaged)) {
    signal.throwIfAborted();
    bytes += piece.length;
    onProgress(bytes, (bytes / packaged.sizeBytes) * capacityBytes);
  }
}

/** The result has the capacity from the stream's header. A stream whose footer differs is damaged. */
function requireCapacity({ source, origin }: DiskTask, expected: number, capacityBytes: number): void {
  if (expected === capacityBytes) return;
  throw new Hyper2kvmError(
    'image',
    `${origin.file ?? 'A disk'} in ${source} has ${capacityBytes} bytes according to its end, but ${expected} according to its start.`,
    { hint: 'Download the package again.' },
  );
}

async function* asBuffers(pieces: AsyncIterable<Uint8Array>): AsyncGenerator<Buffer, void, undefined> {
  for await (const piece of pieces) yield Buffer.from(piece.buffer, piece.byteOffset, piece.byteLength);
}
