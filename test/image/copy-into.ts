import { copyImage } from '../../src/image/copy/copy-image.ts';
import { WorkerPool } from '../../src/image/copy/worker-pool.ts';
import { createSink, type SinkOptions } from '../../src/image/create-sink.ts';
import type { ImageEncoding } from '../../src/image/encoding.ts';
import type { MappedImage } from '../../src/image/model/image.ts';

export interface CopyChoices extends ImageEncoding, Partial<SinkOptions> {
  verify?: boolean;
  hash?: boolean;
}

/** Copies an image to `path` with the engine that all commands use. Returns the size that the sink tells. Threads are those of `shared`, or its own. */
export async function copyInto(
  image: MappedImage,
  path: string,
  { format, compression, clusterBytes, verify = true, hash = false, ...options }: CopyChoices,
  shared?: WorkerPool,
): Promise<number> {
  const { virtualSizeBytes } = image;
  const sink = await createSink(path, { format, compression, clusterBytes }, { virtualSizeBytes, ...options });
  try {
    await using own = new WorkerPool(2);
    const pool = shared ?? own;
    await copyImage(image, sink, { pool, compression, verify, hash, signal: new AbortController().signal });
    return (await sink.finish()).sizeBytes;
  } catch (error) {
    await sink.discard();
    throw error;
  }
}
