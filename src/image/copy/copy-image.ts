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
  /** The threads that decompress and pack. Several copies can share the pool; the sink writes in parallel with it. */
  pool: WorkerPool;
  compression: Compression | undefined;
  /** Also decompress clusters that could be moved unchanged, to verify the checksum of each one. */
  verify: boolean;
  /** Compute {@link CopySummary.contentSha256}. This costs about a third more CPU time. */
  hash: boolean;
  signal: AbortSignal;
  /** Called after each window: everything on the disk before this offset is done. */
  onProgress?: (coveredBytes: number) => void;
}

export interface CopySummary {
  /** Total size of the windows that contain data, in bytes. */
  dataBytes: number;
  /**
   * SHA-256 (hex) over the offset and content of each non-zero window. Equal disks have equal hashes, whatever their
   * formats. '' without `hash`.
   */
  contentSha256: string;
}

/**
 * A window in flight. The next window is passed to the sink while earlier ones are being written, which keeps the
 * device busy.
 */
interface Step {
  given: Promise<unknown>;
  /** Resolves when all windows up to and including this one are written. */
  written: Promise<void>;
}

/**
 * Copies a disk into a sink. The caller finishes or discards the sink. Data is written in disk order, so the output is
 * the same in every run.
 */
export function copyImage(image: MappedImage, sink: DiskSink, options: CopyOptions): Promise<CopySummary> {
  return copyWindows(planWindows(image), sink, options);
}

/**
 * Like {@link copyImage}, for windows that come from a stream. `onRelease` is called when the input buffer of a window
 * can be reused.
 */
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
  /** Passes the parts of a window that need no work to the sink unchanged; a worker packs the rest into `slab`. */
  const pack = async (window: CopyWindow, slab: SharedArrayBuffer): Promise<PackedWindow[]> => {
    const { offsetBytes, lengthBytes, input } = window;
    // The hash covers the content, so every part must be decompressed.
    const { moved, rest } = hash ? { moved: [], rest: window.parts } : splitUnseen(window, work);
    const bytes = new Uint8Array(input ?? slab);
    const whole = { offsetBytes, lengthBytes, clusters: moved, bytes, sha256: '' };
    const packed = rest.length === 0 ? [] : [await pool.pack({ ...window, parts: rest }, slab, work)];
    return [whole, ...packed].filter(({ clusters }) => clusters.length > 0);
  };
  /** Passes a window to the sink in disk order. Resolves to a promise that settles when the window is written. */
  const give = async (packing: Promise<PackedWindow[]>, before: Step) => {
    await before.given;
    const all = await packing;
    const [packed] = all;
    if (hasFailed || packed === undefined) return { writing: Promise.resolve() };
    dataBytes += packed.lengthBytes;
    if (hash) digest.update(`${packed.offsetBytes}:${packed.sha256}\n`);
    return { writing: settleAll(all.map((each) => sink.put(each))) };
  };
  /**
   * Packs immediately, and writes in disk order without waiting for the next window. Every slab is therefore returned,
   * and disks that share a pool cannot block each other.
   */
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
    // A failure is handled when its turn comes. Until then it must not count as an unhandled rejection.
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
    // Ensures that nothing reads the source or writes to the sink after this function returns.
    await Promise.allSettled([last.written]);
  }
  await last.written;
  signal.throwIfAborted();
  return { dataBytes, contentSha256: hash ? digest.digest('hex') : '' };
}
