import { realpathSync } from 'node:fs';
import { sep } from 'node:path';
import { fillContent } from '../../src/image/copy/fill-window.ts';
import { planWindows } from '../../src/image/copy/plan-windows.ts';
import { transplant } from '../../src/image/copy/transplant.ts';
import { WINDOW_BYTES, type CopyWindow } from '../../src/image/model/window.ts';
import type { MappedImage } from '../../src/image/model/image.ts';
import { requireNeededSize } from '../../src/image/content/needed-size.ts';
import { openImage } from '../../src/image/open-image.ts';
import { GrainWindows } from '../../src/image/vmdk/stream/grain-windows.ts';

const content = Buffer.alloc(WINDOW_BYTES);
const packed = Buffer.alloc(2 * WINDOW_BYTES);

/**
 * The number of windows that are read from an accepted image. A table can refer to the same data a million times, which
 * is slow but valid.
 */
const MOST_WINDOWS = 4;

/**
 * Opens the image at `path`, checks that its map follows the contract, and reads the start of its content as a
 * conversion does.
 */
export async function readImage(path: string, folder: string): Promise<void> {
  await using image = await openImage(path);
  for (const file of image.files) requireInside(file.path, folder);
  await walk(image);
  await requireNeededSize(image, true);
  let windows = 0;
  for await (const window of planWindows(image)) {
    readWindow(window);
    if (++windows === MOST_WINDOWS) return;
  }
}

/**
 * Checks that a file is in `folder`, after links are resolved.
 * @throws if it is not
 */
export function requireInside(path: string, folder: string): void {
  if (!realpathSync(path).startsWith(realpathSync(folder) + sep)) throw new Error(`a look outside, at ${path}`);
}

/** Reads a streamOptimized VMDK sequentially, as it arrives from a server. */
export async function readStream(chunks: AsyncIterable<Buffer>): Promise<void> {
  const grains = new GrainWindows('disk.vmdk');
  for await (const window of grains.windows(chunks)) {
    readWindow(window);
    grains.release(window);
  }
}

function readWindow(window: CopyWindow): void {
  fillContent(window, window.parts, content.subarray(0, window.lengthBytes));
  transplant(window, packed, { clusterBytes: 65_536, packing: 'fast', verify: true });
}

/** Checks all runs. It throws its own errors, because `expect` takes longer than the code under test. */
async function walk(image: MappedImage): Promise<void> {
  let at = 0;
  for await (const run of image.map(0, image.virtualSizeBytes)) {
    if (run.offsetBytes !== at || !(run.lengthBytes >= 1) || run.kind === 'absent')
      throw new Error(JSON.stringify(run));
    at += run.lengthBytes;
    if (run.kind === 'zero') continue;
    const stored = run.kind === 'data' ? run.lengthBytes : run.storedBytes;
    const sizeBytes = image.files[run.file]?.sizeBytes ?? -1;
    const isInside = run.fileOffsetBytes >= 0 && stored >= 1 && run.fileOffsetBytes + stored <= sizeBytes;
    if (!isInside) throw new Error(JSON.stringify(run));
    if (run.kind === 'compressed' && run.skipBytes + run.lengthBytes > run.clusterBytes)
      throw new Error(JSON.stringify(run));
  }
  if (at !== image.virtualSizeBytes) throw new Error(`the runs end at ${at} of ${image.virtualSizeBytes}`);
}
