import { createHash } from 'node:crypto';
import { constants } from 'node:fs';
import { open, type FileHandle } from 'node:fs/promises';
import { crc32 } from 'node:zlib';
import { writeFully } from '../../../base/files/direct-io.ts';
import { errnoOf, localFileError } from '../../../base/files/local-file-error.ts';
import { canTakeOver, OWNER_ONLY } from '../../../base/files/own-file.ts';
import { removeFile } from '../../../base/output/local-folder.ts';
import { finalNameOf, partialPath } from '../../../base/output/partial-name.ts';
import type { StoredWindow } from '../../../image/model/sink.ts';

/**
 * The written parts of one unfinished image, in a file next to it: which windows it contains, and the SHA-256 of each.
 * All numbers are little-endian.
 *
 *     journal: magic "H2KWRIT1" | SHA-256 of what the image is | batch...
 *     batch:   windows u32 | CRC-32 of the rest u32 | covered bytes of the disk u64 | window...
 *     window:  offset u64 | length u32 | SHA-256, 32 bytes | clusters, one bit for each, lowest bit first
 *
 * A batch is appended after the windows in it have been flushed. One that is cut off does not count.
 */
const MAGIC = Buffer.from('H2KWRIT1');
const HASH_BYTES = 32;
const HEAD_BYTES = MAGIC.length + HASH_BYTES;
const BATCH_HEAD_BYTES = 16;
const WINDOW_HEAD_BYTES = 12 + HASH_BYTES;
/** A batch has at most 64 MiB of content, or what arrives while one is being flushed. */
const MOST_WINDOWS = 1 << 16;

/** A window in the journal. */
export interface WrittenWindow extends StoredWindow {
  /** SHA-256 (hex) over the content of the window. */
  sha256: string;
}

export interface WrittenBatch {
  windows: WrittenWindow[];
  /** Everything on the disk before this offset is written, or zeros. */
  coveredBytes: number;
}

/** What the windows of an image depend on. */
export interface JournalFacts {
  /** The content of the disk and how it is stored. */
  identity: string;
  capacityBytes: number;
  windowBytes: number;
  clusterBytes: number;
}

const SUFFIX = '.written';

/** The file name of the journal of an image, before it gets its partial name. */
export function journalName(image: string): string {
  return image + SUFFIX;
}

/** The image that a partial file is the journal of; undefined for another file. */
export function imageOfJournal(entry: string): string | undefined {
  const name = finalNameOf(entry);
  return name?.endsWith(SUFFIX) === true ? name.slice(0, -SUFFIX.length) : undefined;
}

/** The path of the journal of the image with this final path. */
export function journalPath(image: string): string {
  return partialPath(journalName(image));
}

export class WrittenJournal implements AsyncDisposable {
  readonly #path: string;
  readonly #handle: FileHandle;
  readonly #bitmapBytes: number;
  #endBytes = HEAD_BYTES;

  private constructor(path: string, handle: FileHandle, { windowBytes, clusterBytes }: JournalFacts) {
    this.#path = path;
    this.#handle = handle;
    this.#bitmapBytes = Math.ceil(windowBytes / clusterBytes / 8);
  }

  /** Starts a journal. Replaces an existing one. */
  static async create(path: string, facts: JournalFacts): Promise<WrittenJournal> {
    await removeFile(path);
    return await attempt('create', path, async () => {
      const handle = await open(path, 'wx+', OWNER_ONLY);
      const journal = new WrittenJournal(path, handle, facts);
      await writeFully(handle, headOf(facts), 0);
      return journal;
    });
  }

  /** Opens the journal of an earlier attempt or run. Undefined if there is none for exactly this image. */
  static async reopen(path: string, facts: JournalFacts): Promise<WrittenJournal | undefined> {
    return await attempt('read', path, async () => {
      const handle = await open(path, constants.O_RDWR | constants.O_NOFOLLOW | constants.O_NONBLOCK).catch(
        (error: unknown) => {
          if (errnoOf(error) === 'ENOENT' || errnoOf(error) === 'ELOOP') return undefined;
          throw error;
        },
      );
      if (handle === undefined) return undefined;
      const head = Buffer.alloc(HEAD_BYTES);
      const isOwn = canTakeOver(await handle.stat());
      const { bytesRead } = await handle.read(head, 0, HEAD_BYTES, 0);
      if (isOwn && bytesRead === HEAD_BYTES && head.equals(headOf(facts)))
        return new WrittenJournal(path, handle, facts);
      await handle.close();
      return undefined;
    });
  }

  /** Yields the complete batches in their order. The next {@link append} follows the last one. */
  async *batches(): AsyncGenerator<WrittenBatch, void, undefined> {
    this.#endBytes = HEAD_BYTES;
    for (;;) {
      const batch = await this.#readBatch(this.#endBytes);
      if (batch === undefined) return;
      this.#endBytes += BATCH_HEAD_BYTES + batch.windows.length * this.#windowBytes;
      yield batch;
    }
  }

  /** Appends a batch whose windows have been flushed, and flushes it. */
  async append({ windows, coveredBytes }: WrittenBatch): Promise<void> {
    const bytes = Buffer.alloc(BATCH_HEAD_BYTES + windows.length * this.#windowBytes);
    bytes.writeUInt32LE(windows.length, 0);
    bytes.writeBigUInt64LE(BigInt(coveredBytes), 8);
    windows.forEach(({ offsetBytes, lengthBytes, sha256, clusters }, index) => {
      const at = BATCH_HEAD_BYTES + index * this.#windowBytes;
      bytes.writeBigUInt64LE(BigInt(offsetBytes), at);
      bytes.writeUInt32LE(lengthBytes, at + 8);
      bytes.write(sha256, at + 12, 'hex');
      const bits = at + WINDOW_HEAD_BYTES;
      for (const cluster of clusters) {
        const byte = bits + (cluster >> 3);
        bytes[byte] = (bytes[byte] ?? 0) | (1 << (cluster & 7));
      }
    });
    bytes.writeUInt32LE(crc32(bytes.subarray(8)), 4);
    await attempt('write', this.#path, async () => {
      await writeFully(this.#handle, bytes, this.#endBytes);
      await this.#handle.datasync();
    });
    this.#endBytes += bytes.length;
  }

  async [Symbol.asyncDispose](): Promise<void> {
    await this.#handle.close();
  }

  get #windowBytes(): number {
    return WINDOW_HEAD_BYTES + this.#bitmapBytes;
  }

  async #readBatch(at: number): Promise<WrittenBatch | undefined> {
    const head = await this.#read(at, BATCH_HEAD_BYTES);
    const count = head?.readUInt32LE(0) ?? 0;
    if (head === undefined || count > MOST_WINDOWS) return undefined;
    const body = await this.#read(at + BATCH_HEAD_BYTES, count * this.#windowBytes);
    if (body === undefined || crc32(body, crc32(head.subarray(8))) !== head.readUInt32LE(4)) return undefined;
    const windows = Array.from({ length: count }, (_, index) =>
      readWindow(body.subarray(index * this.#windowBytes, (index + 1) * this.#windowBytes)),
    );
    return { windows, coveredBytes: Number(head.readBigUInt64LE(8)) };
  }

  async #read(at: number, lengthBytes: number): Promise<Buffer | undefined> {
    const bytes = Buffer.alloc(lengthBytes);
    const { bytesRead } = await attempt('read', this.#path, () => this.#handle.read(bytes, 0, lengthBytes, at));
    return bytesRead === lengthBytes ? bytes : undefined;
  }
}

function readWindow(bytes: Buffer): WrittenWindow {
  const clusters: number[] = [];
  for (let cluster = 0; cluster < (bytes.length - WINDOW_HEAD_BYTES) * 8; cluster += 1) {
    if (((bytes[WINDOW_HEAD_BYTES + (cluster >> 3)] ?? 0) >> (cluster & 7)) & 1) clusters.push(cluster);
  }
  return {
    offsetBytes: Number(bytes.readBigUInt64LE(0)),
    lengthBytes: bytes.readUInt32LE(8),
    sha256: bytes.toString('hex', 12, WINDOW_HEAD_BYTES),
    clusters,
  };
}

function headOf({ identity, capacityBytes, windowBytes, clusterBytes }: JournalFacts): Buffer {
  const facts = JSON.stringify([identity, capacityBytes, windowBytes, clusterBytes]);
  return Buffer.concat([MAGIC, createHash('sha256').update(facts).digest()]);
}

async function attempt<Result>(doing: string, path: string, work: () => Promise<Result>): Promise<Result> {
  try {
    return await work();
  } catch (error) {
    throw localFileError(doing, path, error);
  }
}
