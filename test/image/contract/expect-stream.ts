import { createReadStream } from 'node:fs';
import { join } from 'node:path';
import { expect } from '@jest/globals';
import { copyImage, copyWindows } from '../../../src/image/copy/copy-image.ts';
import type { WorkerPool } from '../../../src/image/copy/worker-pool.ts';
import { createNullSink } from '../../../src/image/create-sink.ts';
import { GrainWindows } from '../../../src/image/vmdk/stream/grain-windows.ts';
import { openPieces, type Shape } from './pieces-image.ts';

/**
 * Reads the VMDK at `path` sequentially, as it would arrive from a server, and expects the content of `shape`. A
 * temporary file is written to `folder`.
 */
export async function expectStream(path: string, shape: Shape, folder: string, pool: WorkerPool): Promise<void> {
  const options = { pool, compression: undefined, verify: true, hash: true, signal: new AbortController().signal };
  const sizeBytes = Math.ceil(shape.sizeBytes / 512) * 512;
  await using pieces = await openPieces(join(folder, 'pieces-of-stream'), { ...shape, sizeBytes });
  const wanted = await copyImage(pieces, createNullSink(), options);
  const grains = new GrainWindows(path, { free: pool.inputs });
  // An odd chunk size, so that chunks end inside markers, tables and sectors.
  const windows = grains.windows(createReadStream(path, { highWaterMark: 50_001 }));
  const came = await copyWindows(windows, createNullSink(), {
    ...options,
    onRelease: (window) => grains.release(window),
  });
  expect(came).toEqual(wanted);
}
