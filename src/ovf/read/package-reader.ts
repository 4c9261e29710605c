import { createHash } from 'node:crypto';
import { Hyper2kvmError } from '../../base/errors.ts';
import { StreamSource } from '../files/byte-source.ts';
import { fileChunks, tarChunks } from '../files/file-bytes.ts';
import { gunzipped } from '../files/gzip-stream.ts';
import { piecesOf } from '../tar/tar-pieces.ts';
import type { PackagedFile, PackagePart } from './package-disk.ts';
import type { VmPackage } from './open-package.ts';

/**
 * Reads packaged files sequentially in their original form: chunks are joined and gzip data is decompressed. The bytes
 * are verified against the manifest while they are read. A wrong digest is detected at the end of its part, so the
 * caller must discard what it read before. Pieces are valid until the next one. Leaving the iteration closes the files.
 *
 * A compressed archive stays open between two files. It is decompressed once for all files that are read in archive
 * order, one at a time. Files of other packages can be read concurrently.
 *
 * Reading throws kind `image` for a wrong digest, a file that has become shorter or damaged gzip data, kind
 * `local-file`, or the reason of an abort.
 */
export class PackageReader implements AsyncDisposable {
  readonly #path: string;
  readonly #isOneStream: boolean;
  readonly #signal: AbortSignal | undefined;
  #archive: { chunks: AsyncGenerator<Uint8Array>; source: StreamSource } | undefined;

  constructor({ path, container }: Pick<VmPackage, 'path' | 'container'>, signal?: AbortSignal) {
    this.#path = path;
    this.#isOneStream = container === 'gzip-ova';
    this.#signal = signal;
  }

  async *read({ parts, gzip }: PackagedFile): AsyncGenerator<Uint8Array> {
    const stored = this.#isOneStream ? this.#archivedParts(parts) : plainParts(parts, this.#signal);
    const label = parts[0]?.name ?? this.#path;
    yield* gzip ? gunzipped(stored, `${label} in ${this.#path}`) : stored;
  }

  async [Symbol.asyncDispose](): Promise<void> {
    await this.#archive?.chunks.return(undefined);
    this.#archive = undefined;
  }

  async *#archivedParts(parts: readonly PackagePart[]): AsyncGenerator<Uint8Array> {
    for (const part of parts) yield* checked(part, piecesOf(await this.#sourceBefore(part), part, this.#path));
  }

  /** Returns the archive at its current position, or from the start if that position is after the part. */
  async #sourceBefore({ offsetBytes }: PackagePart): Promise<StreamSource> {
    if (this.#archive && this.#archive.source.offsetBytes > offsetBytes) await this[Symbol.asyncDispose]();
    if (!this.#archive) {
      const chunks = await tarChunks(this.#path, this.#signal);
      this.#archive = { chunks, source: new StreamSource(chunks) };
    }
    return this.#archive.source;
  }
}

async function* plainParts(parts: readonly PackagePart[], signal?: AbortSignal): AsyncGenerator<Uint8Array> {
  for (const part of parts) {
    const { path, offsetBytes, sizeBytes } = part;
    const range = { start: offsetBytes, end: offsetBytes + sizeBytes - 1 };
    yield* checked(part, sizeBytes === 0 ? nothing() : fileChunks(path, range, signal));
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
    throw wrong(`${name} in ${path} was changed: its ${digest.algorithm} does not match the manifest`);
  }
}

async function* nothing(): AsyncGenerator<Uint8Array> {}

function wrong(what: string): Hyper2kvmError {
  return new Hyper2kvmError('image', `${what}.`, {
    hint: 'Download the package again, or export the VM again.',
  });
}
