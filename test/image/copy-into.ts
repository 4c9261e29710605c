import { copyImage } from '../../src/image/copy/copy-image.ts';
import { WorkerPool } from '../../src/image/copy/worker-pool.ts';
import { FileOutput } from '../../src/base/output/file-output.ts';
import { createSink, type SinkOptions } from '../../src/image/create-sink.ts';
import type { ImageEncoding } from '../../src/image/model/encoding.ts';
import type { MappedImage } from '../../src/image/model/image.ts';

export interface CopyChoices extends ImageEncoding, Partial<SinkOptions> {
  /** The final file name, which a VMDK contains. By default, the name in the path. */
  fileName?: string;
  verify?: boolean;
  hash?: boolean;
}

/**
 * Copies an image to `path` with the engine that all commands use. Returns the size that the sink reports, in bytes.
 * Uses the threads of `shared`, or of a temporary pool.
 */
export async function copyInto(
  image: MappedImage,
  path: string,
  { format, fileName, compression, clusterBytes, verify = true, hash = false, ...options }: CopyChoices,
  shared?: WorkerPool,
): Promise<number> {
  const { virtualSizeBytes } = image;
  const file = await FileOutput.create(path, { name: fileName });
  const sink = await createSink(file, { format, compression, clusterBytes }, { virtualSizeBytes, ...options });
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
