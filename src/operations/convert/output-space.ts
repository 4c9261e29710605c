import { fstatSync } from 'node:fs';
import { stat } from 'node:fs/promises';
import { formatBytes } from '../../base/text/amounts.ts';
import { Hyper2kvmError } from '../../base/errors.ts';
import { freeBytes } from '../../base/files/free-space.ts';
import { isCompressed } from '../../image/model/encoding.ts';
import type { MappedImage } from '../../image/model/image.ts';
import { partialPath } from '../../base/output/partial-name.ts';
import type { Layout, PlannedDisk } from './layout.ts';
import type { ConvertOptions } from './types.ts';

export interface DiskSpace {
  /** Bytes of the disk that are not known to be zeros. */
  usedBytes: number;
  /** The approximate upper bound of the bytes to write. */
  expectedBytes: number;
  /**
   * The lower bound of the bytes to write, as far as the source shows it; 0 if zeros are stored explicitly or the
   * output is compressed.
   */
  leastBytes: number;
}

/** Incompressible grains with their markers, padding and tables are less than 2% longer than their content. */
const LEAST_SHARE_OF_STREAM = 0.98;
/** The unit of `stat`'s block count. */
const BLOCK_BYTES = 512;

/** The space that a disk's image will need. Reads all tables of the source, but no content. */
export async function spaceOf({ disk }: PlannedDisk, options: ConvertOptions, signal: AbortSignal): Promise<DiskSpace> {
  const shrinks = isCompressed(options.encode);
  if (disk.kind === 'image') return imageSpace(disk.image, shrinks, signal);
  const { capacityBytes, packaged } = disk;
  const usedBytes = Math.min(capacityBytes, packaged.disk.populatedBytes ?? capacityBytes);
  const leastBytes = Math.min(capacityBytes, Math.floor(packaged.sizeBytes * LEAST_SHARE_OF_STREAM));
  return { usedBytes, expectedBytes: Math.max(usedBytes, leastBytes), leastBytes: shrinks ? 0 : leastBytes };
}

async function imageSpace(image: MappedImage, shrinks: boolean, signal: AbortSignal): Promise<DiskSpace> {
  let usedBytes = 0;
  let plainBytes = 0;
  for await (const run of image.map(0, image.virtualSizeBytes)) {
    signal.throwIfAborted();
    if (run.kind === 'data') plainBytes += run.lengthBytes;
    if (run.kind === 'data' || run.kind === 'compressed') usedBytes += run.lengthBytes;
  }
  // Holes of the source's own files are zeros.
  const allocatedBytes = image.files.reduce((sum, { fd }) => sum + allocatedOf(fd), 0);
  const expectedBytes = usedBytes - plainBytes + Math.min(plainBytes, allocatedBytes);
  const isFlat = plainBytes >= image.virtualSizeBytes;
  return { usedBytes, expectedBytes, leastBytes: shrinks || isFlat ? 0 : expectedBytes };
}

/** For a block device, all bytes count, since `stat` does not report its allocation. */
function allocatedOf(fd: number): number {
  const found = fstatSync(fd);
  return found.isFile() ? found.blocks * BLOCK_BYTES : Number.POSITIVE_INFINITY;
}

/** The free space of the output folder plus the space of leftovers from a killed run, which are replaced. */
export async function freeForOutput({ folder, disks }: Layout): Promise<number> {
  let bytes = await freeBytes(folder);
  for (const { path } of disks) {
    const leftover = await stat(partialPath(path)).catch(() => undefined);
    if (leftover?.isFile()) bytes += leftover.blocks * BLOCK_BYTES;
  }
  return bytes;
}

/**
 * Returns a warning if the results may not fit; undefined if they do.
 * @throws kind `local-file` if they cannot fit.
 */
export async function checkSpace(
  layout: Layout,
  options: ConvertOptions,
  signal: AbortSignal,
): Promise<string | undefined> {
  const free = await freeForOutput(layout);
  const capacityBytes = layout.disks.reduce((sum, disk) => sum + disk.capacityBytes, 0);
  if (capacityBytes <= free) return undefined;
  let [expectedBytes, leastBytes] = [0, 0];
  for (const disk of layout.disks) {
    const space = await spaceOf(disk, options, signal);
    expectedBytes += space.expectedBytes;
    leastBytes += space.leastBytes;
  }
  if (leastBytes > free) throw lacksSpace(leastBytes, free, layout.folder);
  if (expectedBytes <= free) return undefined;
  return `Up to ${formatBytes(expectedBytes)} are expected, but ${formatBytes(free)} are free in ${layout.folder}: the images may not fit.`;
}

/** The error for results that cannot fit. */
export function lacksSpace(leastBytes: number, free: number, folder: string): Hyper2kvmError {
  const sentence = `About ${formatBytes(leastBytes)} are to be written, and ${formatBytes(free)} are free in ${folder}.`;
  return new Hyper2kvmError('local-file', sentence, {
    hint: 'Free up space there, choose another --output, or write less with --compress.',
  });
}
