import { createHash, type Hash } from 'node:crypto';
import { createReadStream } from 'node:fs';
import { stat } from 'node:fs/promises';
import { streamOptimized } from './stream-optimized-writer.ts';
import type { DiskPlace } from './disk-placement.ts';

/** Size and hashes of a body as it goes over the wire. */
export interface BodyDigest {
  sizeBytes: number;
  sha1: string;
  sha256: string;
  /** Bytes of disk content behind it; 0 where that is not counted. */
  populatedBytes: number;
}

/** Counts what a body holds while it is made. */
export interface Tally {
  populatedBytes: number;
}

/** A file that a lease offers. */
export interface LeaseFile {
  /** Device key, such as `/vm-42/VirtualLsiLogicController0:0`. */
  key: string;
  /** How records and scripts name it. */
  name: string;
  /** The last part of the url, where that is not the name. */
  urlName?: string;
  /** Undefined: the lease shows none. */
  targetId: string | undefined;
  /** Undefined for what is no disk. */
  disk: DiskPlace | undefined;
  /** Size of a file that is no disk, where the lease shows it. */
  fileSize: number | undefined;
  chunks(tally?: Tally): AsyncIterable<Buffer>;
  /** The digest where it is known without sending; otherwise it is taken while sending. */
  knownDigest?: () => Promise<BodyDigest>;
}

/** Bytes per piece of a file that is served as it is. */
const READ_BYTES = 1 << 20;

/** What a lease shows of a file. */
type Shown = Pick<LeaseFile, 'key' | 'name' | 'targetId'>;

/** The file of a disk: made on the fly from its content, or a ready one. */
export function diskFile(shown: Shown, disk: DiskPlace): LeaseFile {
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
    chunks: (tally) => streamOptimized(content, options, tally),
  };
}

/** A small file that is no disk: NVRAM, an ISO image. */
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

/** Takes a digest while the bytes go by. */
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

/** The digest of a file, read once per version of the file. */
export async function fileDigest(path: string): Promise<BodyDigest> {
  const { size, mtimeMs } = await stat(path);
  const version = `${path} ${size} ${mtimeMs}`;
  const known = fileDigests.get(version);
  if (known !== undefined) return known;
  const digest = digestOf(createReadStream(path, { highWaterMark: READ_BYTES }));
  fileDigests.set(version, digest);
  return digest;
}
