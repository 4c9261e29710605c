import { createHash, type Hash } from 'node:crypto';
import { createReadStream } from 'node:fs';
import { stat } from 'node:fs/promises';
import { streamOptimized } from './stream-optimized-writer.ts';
import type { ContentSource } from './content-source.ts';
import type { DiskPlace } from './disk-placement.ts';

/** Size and hashes of a body as sent. */
export interface BodyDigest {
  sizeBytes: number;
  sha1: string;
  sha256: string;
  /** Bytes of disk content in the body, or 0 if they are not counted. */
  populatedBytes: number;
}

/** Counts the content of a body while it is generated. */
export interface Tally {
  populatedBytes: number;
}

/** A file of a lease. */
export interface LeaseFile {
  /** Device key, such as `/vm-42/VirtualLsiLogicController0:0`. */
  key: string;
  /** The name in records and fault scripts. */
  name: string;
  /** The last part of the URL, if it is not `name`. */
  urlName?: string;
  /** Undefined if the lease does not report a target ID. */
  targetId: string | undefined;
  /** Undefined if the file is not a disk. */
  disk: DiskPlace | undefined;
  /** Size of a file that is not a disk, if the lease reports it. */
  fileSize: number | undefined;
  chunks(tally?: Tally): AsyncIterable<Buffer>;
  /** Returns the digest if it is known before the transfer. Otherwise it is computed while sending. */
  knownDigest?: () => Promise<BodyDigest>;
}

/** Bytes per read of a file that is served unchanged. */
const READ_BYTES = 1 << 20;

/** The properties that a lease reports for a file. */
type Shown = Pick<LeaseFile, 'key' | 'name' | 'targetId'>;

/** The file of a disk: generated from `frozen`, its content at a point in time, or an existing file. */
export function diskFile(shown: Shown, disk: DiskPlace, frozen: ContentSource): LeaseFile {
  const common = { ...shown, disk, fileSize: undefined };
  const { content, lastGrain, compressionLevel } = disk.options;
  if ('file' in content) {
    return {
      ...common,
      chunks: () => createReadStream(content.file, { highWaterMark: READ_BYTES }),
      knownDigest: () => fileDigest(content.file),
    };
  }
  const options = {
    ...(lastGrain === undefined ? {} : { lastGrain }),
    ...(compressionLevel === undefined ? {} : { compressionLevel }),
  };
  return {
    ...common,
    chunks: (tally) => streamOptimized(frozen, options, tally),
  };
}

/** A small file that is not a disk, such as NVRAM or an ISO image. */
export function plainFile(shown: Shown & Pick<LeaseFile, 'urlName'>, bytes: Uint8Array): LeaseFile {
  return {
    ...shown,
    disk: undefined,
    fileSize: shown.targetId === undefined ? undefined : bytes.length,
    async *chunks() {
      yield Buffer.from(bytes);
    },
  };
}

/** Computes a digest while the data is sent. */
export class DigestTaker {
  #sizeBytes = 0;
  readonly #sha1: Hash = createHash('sha1');
  readonly #sha256: Hash = createHash('sha256');

  add(chunk: Uint8Array): void {
    this.#sizeBytes += chunk.length;
    this.#sha1.update(chunk);
    this.#sha256.update(chunk);
  }

  finish(tally?: Tally): BodyDigest {
    return {
      sizeBytes: this.#sizeBytes,
      sha1: this.#sha1.digest('hex'),
      sha256: this.#sha256.digest('hex'),
      populatedBytes: tally?.populatedBytes ?? 0,
    };
  }
}

export async function digestOf(chunks: AsyncIterable<Buffer>): Promise<BodyDigest> {
  const taker = new DigestTaker();
  for await (const chunk of chunks) taker.add(chunk);
  return taker.finish();
}

const fileDigests = new Map<string, Promise<BodyDigest>>();

/** Returns the digest of a file. Each version of the file is read only once. */
export async function fileDigest(path: string): Promise<BodyDigest> {
  const { size, mtimeMs } = await stat(path);
  const version = `${path} ${size} ${mtimeMs}`;
  const known = fileDigests.get(version);
  if (known !== undefined) return known;
  const digest = digestOf(createReadStream(path, { highWaterMark: READ_BYTES }));
  fileDigests.set(version, digest);
  return digest;
}
