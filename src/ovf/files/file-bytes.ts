import { constants, createReadStream } from 'node:fs';
import { open } from 'node:fs/promises';
import { localFileError } from '../../base/files/local-file-error.ts';
import { Hyper2kvmError } from '../../base/errors.ts';
import { FileSource, readBytes } from './byte-source.ts';
import { closeStream, gunzipped, startsGzip } from './gzip-stream.ts';

const READ_BYTES = 1024 * 1024;

/**
 * Yields the bytes of a file, or those from `start` to `end` (both inclusive), in pieces of at most 1 MiB. Leaving the
 * iteration closes the file.
 * @throws Hyper2kvmError kind `local-file`, or the reason of an abort.
 */
export async function* fileChunks(
  path: string,
  range: { start?: number; end?: number },
  signal?: AbortSignal,
): AsyncGenerator<Uint8Array> {
  signal?.throwIfAborted();
  const stream = createReadStream(path, { ...range, highWaterMark: READ_BYTES });
  const chunks: AsyncIterable<Uint8Array> = stream;
  try {
    for await (const chunk of chunks) {
      signal?.throwIfAborted();
      yield chunk;
    }
  } catch (error) {
    throw localFileError('read', path, error);
  } finally {
    await closeStream(stream);
  }
}

/**
 * Returns the bytes of the tar in a file, decompressed if it is gzip data. The content determines that. See
 * {@link fileChunks}.
 */
export async function tarChunks(path: string, signal?: AbortSignal): Promise<AsyncGenerator<Uint8Array>> {
  const isGzip = startsGzip(await readHead(path, 3));
  const chunks = fileChunks(path, {}, signal);
  return isGzip ? gunzipped(chunks, path) : chunks;
}

/**
 * Reads the first bytes of a file, or fewer if it is shorter.
 * @throws Hyper2kvmError kind `local-file`.
 */
export function readHead(path: string, bytes: number): Promise<Uint8Array> {
  return withFile(path, (source) => readBytes(source, bytes));
}

/**
 * Passes an open file to `use`, and closes it afterwards.
 * @throws Hyper2kvmError kind `local-file`, also if the path is not a regular file.
 */
export async function withFile<Result>(path: string, use: (source: FileSource) => Promise<Result>): Promise<Result> {
  try {
    // O_NONBLOCK avoids waiting for a writer if the path is a named pipe.
    const handle = await open(path, constants.O_RDONLY | constants.O_NONBLOCK);
    try {
      const found = await handle.stat();
      if (!found.isFile()) throw new Hyper2kvmError('local-file', `${path} is not a file.`);
      return await use(new FileSource(handle, found.size));
    } finally {
      await handle.close();
    }
  } catch (error) {
    throw localFileError('read', path, error);
  }
}
