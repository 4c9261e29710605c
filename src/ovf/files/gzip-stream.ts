import { pipeline, Readable } from 'node:stream';
import { createGunzip } from 'node:zlib';
import { Hyper2kvmError } from '../../base/errors.ts';

const CHUNK_BYTES = 256 * 1024;

/** RFC 1952, 2.3.1: two magic bytes, and the only compression method. */
export function startsGzip(head: Uint8Array): boolean {
  return head[0] === 0x1f && head[1] === 0x8b && head[2] === 8;
}

/** Destroys a stream and waits until its underlying source is closed. `destroy` returns earlier. */
export async function closeStream(stream: Readable): Promise<void> {
  stream.destroy();
  if (!stream.closed) await new Promise((resolve) => stream.once('close', resolve));
}

/**
 * Decompresses a gzip stream and verifies its checksums. Leaving the iteration closes `chunks`. Errors of `chunks` are
 * passed on unchanged.
 * @throws Hyper2kvmError kind `image` for damaged or truncated data, which `label` identifies.
 */
export async function* gunzipped(chunks: AsyncIterable<Uint8Array>, label: string): AsyncGenerator<Uint8Array> {
  const gunzip = createGunzip({ chunkSize: CHUNK_BYTES });
  const source = Readable.from(chunks, { objectMode: false, highWaterMark: CHUNK_BYTES });
  pipeline(source, gunzip, () => {
    // The iteration reports the error.
  });
  const inflated: AsyncIterable<Uint8Array> = gunzip;
  try {
    yield* inflated;
  } catch (error) {
    const code = typeof error === 'object' && error !== null && 'code' in error ? error.code : undefined;
    // zlib's error codes: Z_DATA_ERROR for data that is not gzip or has a wrong checksum, Z_BUF_ERROR for a truncated
    // stream.
    if (code !== 'Z_DATA_ERROR' && code !== 'Z_BUF_ERROR') throw error;
    throw new Hyper2kvmError(
      'image',
      `The gzip data of ${label} is ${code === 'Z_BUF_ERROR' ? 'truncated' : 'damaged'}.`,
      {
        hint: 'Download the file again.',
        cause: error,
      },
    );
  } finally {
    gunzip.destroy();
    await closeStream(source);
  }
}
