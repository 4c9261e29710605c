import { crc32 } from 'node:zlib';
import { Handoff } from '../../base/process/handoff.ts';
import type { CopyWindow } from '../model/window.ts';
import { createSequentialStreamSink } from '../vmdk/stream/stream-optimized-sink.ts';
import { copyWindows } from './copy-image.ts';
import type { WorkerPool } from './worker-pool.ts';

export interface EncodeStreamOptions {
  virtualSizeBytes: number;
  /** The name that the file will have; it is recorded in the descriptor. */
  fileName: string;
  pool: WorkerPool;
  signal: AbortSignal;
  onRelease: (window: CopyWindow) => void;
  /** Called after each window: everything on the disk before this offset is encoded. */
  onProgress: (coveredBytes: number) => void;
}

/**
 * Encodes a disk as a streamOptimized VMDK and yields its bytes from start to end while the windows are read. The
 * consumer owns each piece until it requests the next one.
 */
export async function* encodeStream(
  windows: AsyncIterable<CopyWindow>,
  { virtualSizeBytes, fileName, pool, signal, onRelease, onProgress }: EncodeStreamOptions,
): AsyncGenerator<Buffer, void, undefined> {
  const pieces = new Handoff<Buffer>();
  const stop = new AbortController();
  let last = Promise.resolve();
  const write = (bytes: Uint8Array): Promise<void> => {
    const piece = Buffer.from(bytes.buffer, bytes.byteOffset, bytes.byteLength);
    // Writes run one at a time in call order, which is file order.
    last = last.then(() => pieces.give(piece));
    return last;
  };
  // Unlike the name and size, the content of a stream is not known until its end.
  const contentId = crc32(`${virtualSizeBytes}:${fileName}`);
  const sink = createSequentialStreamSink({ path: fileName, write }, { virtualSizeBytes, fileName, contentId });
  const copy = async (): Promise<void> => {
    await copyWindows(windows, sink, {
      pool,
      compression: undefined,
      verify: false,
      hash: false,
      signal: AbortSignal.any([signal, stop.signal]),
      onRelease,
      onProgress,
    });
    await sink.finish();
  };
  let failure: { error: unknown } | undefined;
  const copying = copy()
    .catch((error: unknown) => (failure = { error }))
    .finally(() => pieces.end());
  try {
    yield* pieces.items();
    await copying;
    if (failure) throw failure.error;
  } finally {
    stop.abort();
    pieces.fail(stop.signal.reason);
    await copying;
  }
}
