import { constants } from 'node:fs';
import { open, type FileHandle } from 'node:fs/promises';
import { crc32 } from 'node:zlib';
import { writeFully } from '../../../base/files/direct-io.ts';
import { localFileError } from '../../../base/files/local-file-error.ts';
import { BLOCK_BYTES, DIGEST_BYTES, type Extent } from './blocks.ts';

/**
 * The changes of one disk in one round, in a file next to the replica. All numbers are little-endian.
 *
 *     log:     magic "H2KREDO1" | ID of the round, 36 bytes | record... | end
 *     record:  "BLCK" | block u32 | extents u32 | CRC-32 of the rest u32 | digest of the block, 32 bytes
 *              | extents: offset in the block u32, length u32 (bit 31: zeros) | content of the extents that are not zeros
 *     end:     "DONE" | records u32
 */
const MAGIC = Buffer.from('H2KREDO1');
const ID_BYTES = 36;
const RECORD = Buffer.from('BLCK');
const END = Buffer.from('DONE');
const RECORD_HEAD_BYTES = 16;
const END_BYTES = 8;
const EXTENT_BYTES = 8;
const IS_ZERO = 0x8000_0000;
/** A block has 256 pieces of 4 KiB, and adjacent ones of a kind are one extent. */
const MOST_EXTENTS = 256;

/** A new state of one block: its digest, and the parts that differ from the old state. */
export interface BlockChange {
  block: number;
  digest: Buffer;
  extents: readonly Extent[];
  /** The new content of the complete block, of which only the extents are stored. */
  content: Buffer;
}

export class RedoWriter implements AsyncDisposable {
  readonly #path: string;
  readonly #handle: FileHandle;
  #at = 0;
  #records = 0;

  private constructor(path: string, handle: FileHandle) {
    this.#path = path;
    this.#handle = handle;
  }

  /** Starts a log. Replaces an existing file. `round` is a UUID. */
  static async create(path: string, round: string): Promise<RedoWriter> {
    try {
      const log = new RedoWriter(path, await open(path, 'w', 0o600));
      await log.#append(Buffer.concat([MAGIC, Buffer.from(round.padEnd(ID_BYTES).slice(0, ID_BYTES))]));
      return log;
    } catch (error) {
      throw localFileError('write', path, error);
    }
  }

  async add({ block, digest, extents, content }: BlockChange): Promise<void> {
    const table = Buffer.alloc(extents.length * EXTENT_BYTES);
    const stored: Buffer[] = [];
    extents.forEach(({ at, lengthBytes, isZero }, index) => {
      table.writeUInt32LE(at, index * EXTENT_BYTES);
      table.writeUInt32LE(isZero ? (lengthBytes | IS_ZERO) >>> 0 : lengthBytes, index * EXTENT_BYTES + 4);
      if (!isZero) stored.push(content.subarray(at, at + lengthBytes));
    });
    const body = Buffer.concat([digest, table, ...stored]);
    const head = Buffer.alloc(RECORD_HEAD_BYTES);
    RECORD.copy(head);
    head.writeUInt32LE(block, 4);
    head.writeUInt32LE(extents.length, 8);
    head.writeUInt32LE(crc32(body), 12);
    await this.#append(head);
    await this.#append(body);
    this.#records += 1;
  }

  /** Completes the log, and flushes it. */
  async finish(): Promise<void> {
    const end = Buffer.alloc(END_BYTES);
    END.copy(end);
    end.writeUInt32LE(this.#records, 4);
    await this.#append(end);
    try {
      await this.#handle.sync();
    } catch (error) {
      throw localFileError('write', this.#path, error);
    }
  }

  async [Symbol.asyncDispose](): Promise<void> {
    await this.#handle.close();
  }

  async #append(bytes: Buffer): Promise<void> {
    try {
      await writeFully(this.#handle, bytes, this.#at);
    } catch (error) {
      throw localFileError('write', this.#path, error);
    }
    this.#at += bytes.length;
  }
}

/** A part of the disk to write. `bytes` is undefined for zeros. */
export interface Redo {
  block: number;
  digest: Buffer;
  writes: { at: number; lengthBytes: number; bytes: Buffer | undefined }[];
}

/** The log is not complete, or was changed. */
export class DamagedLogError extends Error {}

/**
 * Yields the records of a complete log of round `round`. A record is checked before it is yielded.
 * @throws DamagedLogError.
 */
export async function* readRedo(path: string, round: string): AsyncGenerator<Redo, void, undefined> {
  await using handle = await openLog(path);
  let at = 0;
  const take = async (lengthBytes: number): Promise<Buffer> => {
    const bytes = Buffer.alloc(lengthBytes);
    const { bytesRead } = await handle.read(bytes, 0, lengthBytes, at);
    if (bytesRead !== lengthBytes) throw new DamagedLogError(`${path} ends at byte ${at + bytesRead}`);
    at += lengthBytes;
    return bytes;
  };
  const start = await take(MAGIC.length + ID_BYTES);
  if (!start.subarray(0, MAGIC.length).equals(MAGIC)) throw new DamagedLogError(`${path} is not a redo log`);
  if (start.toString('latin1', MAGIC.length).trimEnd() !== round) {
    throw new DamagedLogError(`${path} is of another round`);
  }
  for (let records = 0; ; records += 1) {
    const kind = await take(4);
    if (kind.equals(END)) {
      if ((await take(4)).readUInt32LE(0) !== records) throw new DamagedLogError(`${path} lacks records`);
      return;
    }
    if (!kind.equals(RECORD)) throw new DamagedLogError(`${path} has no record at byte ${at - 4}`);
    const head = await take(RECORD_HEAD_BYTES - 4);
    yield await readRecord(path, head, take);
  }
}

async function readRecord(path: string, head: Buffer, take: (lengthBytes: number) => Promise<Buffer>): Promise<Redo> {
  const block = head.readUInt32LE(0);
  const count = head.readUInt32LE(4);
  if (count > MOST_EXTENTS) throw new DamagedLogError(`${path} has ${count} extents in block ${block}`);
  const table = await take(DIGEST_BYTES + count * EXTENT_BYTES);
  const extents = Array.from({ length: count }, (_, index) => {
    const at = table.readUInt32LE(DIGEST_BYTES + index * EXTENT_BYTES);
    const length = table.readUInt32LE(DIGEST_BYTES + index * EXTENT_BYTES + 4);
    return { at, lengthBytes: length % IS_ZERO, isZero: length >= IS_ZERO };
  });
  const storedBytes = extents.reduce((sum, { lengthBytes, isZero }) => sum + (isZero ? 0 : lengthBytes), 0);
  if (storedBytes > BLOCK_BYTES) throw new DamagedLogError(`${path} has ${storedBytes} bytes for block ${block}`);
  const stored = await take(storedBytes);
  if (crc32(stored, crc32(table)) !== head.readUInt32LE(8)) {
    throw new DamagedLogError(`${path} has a wrong checksum for block ${block}`);
  }
  let from = 0;
  const writes = extents.map(({ at, lengthBytes, isZero }) => {
    const bytes = isZero ? undefined : stored.subarray(from, from + lengthBytes);
    from += bytes?.length ?? 0;
    return { at, lengthBytes, bytes };
  });
  return { block, digest: table.subarray(0, DIGEST_BYTES), writes };
}

async function openLog(path: string): Promise<FileHandle> {
  try {
    return await open(path, constants.O_RDONLY | constants.O_NOFOLLOW);
  } catch (error) {
    throw localFileError('read', path, error);
  }
}
