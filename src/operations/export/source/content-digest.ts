import { copyWindows } from '../../../image/copy/copy-image.ts';
import { ReadWindows } from '../../../image/copy/read-windows.ts';
import type { WorkerPool } from '../../../image/copy/worker-pool.ts';
import type { DiskSink } from '../../../image/model/sink.ts';
import type { CopyWindow } from '../../../image/model/window.ts';
import { GrainWindows } from '../../../image/vmdk/stream/grain-windows.ts';
import type { OpenedFile } from './disk-source.ts';

/** Takes windows and keeps nothing. */
const NOWHERE: DiskSink = {
  clusterBytes: 64 * 1024,
  put: () => Promise.resolve(),
  finish: () => Promise.reject(new Error('nothing is written')),
  discard: () => Promise.resolve(),
};

/**
 * The SHA-256 of the content of a disk up to `limitBytes`, rounded up to a window. Equal content has an equal digest,
 * however it arrives: areas that are not allocated count as zeros.
 * @throws the errors of the disk and of the structure check of a stream.
 */
export async function contentDigest(
  opened: OpenedFile,
  { name, limitBytes, pool }: { name: string; limitBytes: number; pool: WorkerPool },
  signal: AbortSignal,
): Promise<string> {
  const { windows, release } = windowsOf(opened, name, signal);
  const { contentSha256 } = await copyWindows(until(windows, limitBytes), NOWHERE, {
    pool,
    compression: undefined,
    verify: true,
    hash: true,
    signal,
    onRelease: release,
  });
  return contentSha256;
}

function windowsOf(
  opened: OpenedFile,
  name: string,
  signal: AbortSignal,
): { windows: AsyncIterable<CopyWindow>; release: (window: CopyWindow) => void } {
  if (opened.access === 'stream') {
    const grains = new GrainWindows(name);
    return { windows: grains.windows(opened.chunks), release: (window) => grains.release(window) };
  }
  const reader = new ReadWindows(opened.disk, { signal });
  return { windows: reader.windows(), release: (window) => reader.release(window) };
}

async function* until(
  windows: AsyncIterable<CopyWindow>,
  limitBytes: number,
): AsyncGenerator<CopyWindow, void, undefined> {
  for await (const window of windows) {
    if (window.offsetBytes >= limitBytes) return;
    yield window;
  }
}
