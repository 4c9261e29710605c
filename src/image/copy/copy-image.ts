import { createHash } from 'node:crypto';
import type { MappedImage } from '../image.ts';
import type { DiskSink } from '../sink.ts';
import { planWindows } from './plan-windows.ts';
import type { CopyWindow } from './window.ts';
import { WorkerPool } from './worker-pool.ts';
import type { Compression } from './pack-window.ts';

export interface CopyOptions {
  /** Threads that decompress and pack; the sink's writes run beside them. */
  workers: number;
  compression: Compression | undefined;
  /** Decompress also what could be moved as it is: proves each cluster's own checksum. */
  verify: boolean;
  /** Compute {@link CopySummary.contentSha256}, which costs about a third more processor time. */
  hash: boolean;
  signal: AbortSignal;
  /** Called after every window: all of the disk before this offset is done. */
  onProgress?: (coveredBytes: number) => void;
}

export interface CopySummary {
  /** Bytes of windows that held data. */
  dataBytes: number;
  /** SHA-256 (hex) over the offset and content of each window that is not zero: equal for equal disks, whatever their formats. '' without `hash`. */
  contentSha256: string;
}

/** Copies a disk into a sink, which is neither finished nor discarded here. The order of what is written is that of the disk, and so the same in every run. */
export function copyImage(image: MappedImage, sink: DiskSink, options: CopyOptions): Promise<CopySummary> {
  return copyWindows(planWindows(image), sink, options);
}

/** The same for windows that come from a stream. `onRelease` is called when a window's input can be used again. */
export async function copyWindows(
  windows: AsyncIterable<CopyWindow>,
  sink: DiskSink,
  options: CopyOptions & { onRelease?: (window: CopyWindow) => void },
): Promise<CopySummary> {
  const { workers, compression, verify, hash, signal, onProgress, onRelease } = options;
  const pack = { clusterBytes: sink.clusterBytes, compression, verify };
  await using pool = new WorkerPool(workers, { pack, hash });
  const inFlight: ReturnType<WorkerPool['pack']>[] = [];
  const digest = createHash('sha256');
  let dataBytes = 0;
  const takeOldest = async () => {
    const packed = await inFlight.shift();
    if (!packed) return;
    if (packed.clusters.length > 0) {
      await sink.put(packed);
      dataBytes += packed.lengthBytes;
      if (hash) digest.update(`${packed.offsetBytes}:${packed.sha256}\n`);
    }
    packed.release();
    onProgress?.(packed.offsetBytes + packed.lengthBytes);
  };
  try {
    for await (const window of windows) {
      signal.throwIfAborted();
      if (inFlight.length === pool.capacity) await takeOldest();
      inFlight.push(start(pool, window, onRelease));
    }
    while (inFlight.length > 0) {
      signal.throwIfAborted();
      await takeOldest();
    }
  } finally {
    await Promise.allSettled(inFlight);
  }
  return { dataBytes, contentSha256: hash ? digest.digest('hex') : '' };
}

/** A failure is met when its turn comes; until then nobody listens, and it must not count as unhandled. */
function start(
  pool: WorkerPool,
  window: CopyWindow,
  onRelease: ((window: CopyWindow) => void) | undefined,
): ReturnType<WorkerPool['pack']> {
  const packed = pool.pack(window).finally(() => onRelease?.(window));
  packed.catch(() => undefined);
  return packed;
}
