import { createHash } from 'node:crypto';
import { settleAll } from '../../base/concurrency.ts';
import type { MappedImage } from '../model/image.ts';
import type { DiskSink } from '../model/sink.ts';
import { planWindows } from './plan-windows.ts';
import { splitUnseen } from './transplant.ts';
import type { CopyWindow, PackedWindow } from '../model/window.ts';
import type { WorkerPool } from './worker-pool.ts';
import type { Compression } from '../model/encoding.ts';

export interface CopyOptions {
  /** The threads that decompress and pack, which several copies may share; the sink's writes run beside them. */
  pool: WorkerPool;
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

/** A window on its way. While some are being written the next one is given to the sink, so that the device is never without work. */
interface Step {
  given: Promise<unknown>;
  /** All windows up to this one. */
  written: Promise<void>;
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
  const { pool, compression, verify, hash, signal, onProgress, onRelease } = options;
  const work = { clusterBytes: sink.clusterBytes, packing: sink.packing ?? compression, verify, hash };
  const digest = createHash('sha256');
  let dataBytes = 0;
  let hasFailed = false;
  /** What of a window needs no work goes to the sink as it came; a worker packs the rest into `slab`. */
  const pack = async (window: CopyWindow, slab: SharedArrayBuffer): Promise<PackedWindow[]> => {
    const { offsetBytes, lengthBytes, input } = window;
    // A hash is over the content, so that all of it has to be had.
    const { moved, rest } = hash ? { moved: [], rest: window.parts } : splitUnseen(window, work);
    const bytes = new Uint8Array(input ?? slab);
    const whole = { offsetBytes, lengthBytes, clusters: moved, bytes, sha256: '' };
    const packed = rest.length === 0 ? [] : [await pool.pack({ ...window, parts: rest }, slab, work)];
    return [whole, ...packed].filter(({ clusters }) => clusters.length > 0);
  };
  /** Gives a window to the sink in its turn. What it resolves to tells when the window is written. */
  const give = async (packing: Promise<PackedWindow[]>, before: Step) => {
    await before.given;
    const all = await packing;
    const [packed] = all;
    if (hasFailed || packed === undefined) return { writing: Promise.resolve() };
    dataBytes += packed.lengthBytes;
    if (hash) digest.update(`${packed.offsetBytes}:${packed.sha256}\n`);
    return { writing: settleAll(all.map((each) => sink.put(each))) };
  };
  /** Packs at once and writes in its turn, whatever the next window waits for: so each slab comes back, and disks that share a pool cannot hold each other up. */
  const packAndPut = (window: CopyWindow, slab: SharedArrayBuffer, before: Step): Step => {
    const packing = pack(window, slab);
    const given = give(packing, before);
    const finish = async () => {
      const writing = given.then((step) => step.writing);
      await settleAll([before.written, writing, packing]).finally(() => {
        onRelease?.(window);
        pool.giveBack(slab);
      });
      onProgress?.(window.offsetBytes + window.lengthBytes);
    };
    const written = finish().catch((error: unknown) => {
      hasFailed = true;
      throw error;
    });
    // A failure is met when its turn comes; until then nobody listens, and it must not count as unhandled.
    for (const promise of [packing, given, written]) promise.catch(() => undefined);
    return { given, written };
  };
  let last: Step = { given: Promise.resolve(), written: Promise.resolve() };
  try {
    for await (const window of windows) {
      signal.throwIfAborted();
      const slab = await pool.takeSlab();
      last = packAndPut(window, slab, last);
      if (hasFailed) break;
    }
  } finally {
    // Nothing reads the source or writes to the sink any more when this is over.
    await Promise.allSettled([last.written]);
  }
  await last.written;
  signal.throwIfAborted();
  return { dataBytes, contentSha256: hash ? digest.digest('hex') : '' };
}
