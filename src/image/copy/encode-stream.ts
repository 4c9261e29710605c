import { crc32 } from 'node:zlib';
import { Handoff } from '../../base/process/handoff.ts';
import type { CopyWindow } from '../model/window.ts';
import { createSequentialStreamSink } from '../vmdk/stream/stream-optimized-sink.ts';
import { copyWindows } from './copy-image.ts';
import type { WorkerPool } from './worker-pool.ts';

export interface EncodeStreamOptions {
  virtualSizeBytes: number;
  /** The name that the file will have: it stands in the descriptor. */
  fileName: string;
  pool: WorkerPool;
  signal: AbortSignal;
  onRelease: (window: CopyWindow) => void;
  /** Called after every window: all of the disk before this offset is encoded. */
  onProgress: (coveredBytes: number) => void;
}

/** The bytes of a streamOptimized VMDK of a disk, from front to back, as its windows are read. Each piece is the reader's until it asks for the next one. */
export async function* encodeStream(
  windows: AsyncIterable<CopyWindow>,
  { virtualSizeBytes, fileName, pool, signal, onRelease, onProgress }: EncodeStreamOptions,
): AsyncGenerator<Buffer, void, undefined> {
  const pieces = new Handoff<Buffer>();
  const stop = new AbortController();
  let last = Promise.resolve();
  const write = (bytes: Uint8Array): Promise<void> => {
    const piece = Buffer.from(bytes.buffer, bytes.byteOffset, bytes.byteLength);
    // One after the other, in the order of the calls, which is that of the file.
    last = last.then(() => pieces.give(piece));
    return last;
  };
  // A stream's content is not known before its end, unlike its name and size.
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
