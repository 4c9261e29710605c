import { createHash } from 'node:crypto';
import { Hyper2kvmError } from '../base/errors.ts';
import { StreamSource } from './byte-source.ts';
import { fileChunks, tarChunks } from './file-bytes.ts';
import { gunzipped } from './gzip-stream.ts';
import { piecesOf } from './ova-reader.ts';
import type { PackagedFile, PackagePart } from './package-disk.ts';
import type { VmPackage } from './open-package.ts';

/**
 * The content of a packaged file from front to back, whatever form it lies there in: chunks are joined, gzip is undone. While its bytes go by they are
 * checked against the manifest; that a digest is wrong shows at the end of its part, so that what was read before is not to be kept. Pieces are valid until the next
 * one; leaving the iteration closes the files. Throws kind `image` for a wrong digest, a file that became shorter and damaged gzip, and kind `local-file`; rejects with
 * the reason of an abort.
 */
export async function* readPackaged(
  { path, container }: Pick<VmPackage, 'path' | 'container'>,
  { parts, gzip }: PackagedFile,
  signal?: AbortSignal,
): AsyncGenerator<Uint8Array> {
  const stored = container === 'gzip-ova' ? archivedParts(path, parts, signal) : plainParts(parts, signal);
  const label = parts[0]?.name ?? path;
  yield* gzip ? gunzipped(stored, `${label} in ${path}`) : stored;
}

async function* plainParts(parts: readonly PackagePart[], signal?: AbortSignal): AsyncGenerator<Uint8Array> {
  for (const part of parts) {
    const { path, offsetBytes, sizeBytes } = part;
    const range = { start: offsetBytes, end: offsetBytes + sizeBytes - 1 };
    yield* checked(part, sizeBytes === 0 ? nothing() : fileChunks(path, range, signal));
  }
}

/** Parts of a compressed archive, which is read once as long as they come in its order. */
async function* archivedParts(
  path: string,
  parts: readonly PackagePart[],
  signal?: AbortSignal,
): AsyncGenerator<Uint8Array> {
  let chunks = await tarChunks(path, signal);
  let source = new StreamSource(chunks);
  try {
    for (const part of parts) {
      if (part.offsetBytes < source.offsetBytes) {
        await chunks.return(undefined);
        chunks = await tarChunks(path, signal);
        source = new StreamSource(chunks);
      }
      yield* checked(part, piecesOf(source, part, path));
    }
  } finally {
    await chunks.return(undefined);
  }
}

async function* checked(part: PackagePart, pieces: AsyncGenerator<Uint8Array>): AsyncGenerator<Uint8Array> {
  const { name, path, sizeBytes, digest } = part;
  const hash = digest === undefined ? undefined : createHash(digest.algorithm);
  let readSize = 0;
  for await (const piece of pieces) {
    hash?.update(piece);
    readSize += piece.length;
    yield piece;
  }
  if (readSize !== sizeBytes) throw wrong(`${name} in ${path} ended after ${readSize} of its ${sizeBytes} bytes`);
  if (digest !== undefined && hash?.digest('hex') !== digest.digest) {
    throw wrong(`${name} in ${path} was changed: its ${digest.algorithm} is not the one in the manifest`);
  }
}

async function* nothing(): AsyncGenerator<Uint8Array> {}

function wrong(what: string): Hyper2kvmError {
  return new Hyper2kvmError('image', `${what}.`, {
    hint: 'Get the package again from where it came from, or export the machine again.',
  });
}
