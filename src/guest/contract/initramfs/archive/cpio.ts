/**
 * The `newc` format of cpio, which the kernel unpacks (Documentation/driver-api/early-userspace/buffer-format.rst).
 * Each entry consists of a header of 110 bytes in hexadecimal digits, the name, and the content; name and content are
 * padded to 4 bytes. `TRAILER!!!` ends an archive.
 */

/** An entry of an archive. */
export interface CpioEntry {
  /** Without a leading `/` or `./`. */
  name: string;
  /** Includes the file type: `0o100644`. */
  mode: number;
  /** Undefined for a file with one link. With several links, only the last entry has the content. */
  inode: string | undefined;
  sizeBytes: number;
}

/** A damaged archive, or one that is larger than any initramfs. */
export class InitramfsError extends Error {
  constructor(message: string, cause?: unknown) {
    super(message, cause === undefined ? undefined : { cause });
    this.name = 'InitramfsError';
  }
}

const HEADER_BYTES = 110;
/** PATH_MAX of Linux. */
const MOST_NAME_BYTES = 4096;
/** An initramfs with all of Linux's firmware has about 30 000 entries. */
const MOST_ENTRIES = 250_000;
const TRAILER = 'TRAILER!!!';
const MAGICS = ['070701', '070702'];

/** Receives the entries of an archive. */
export interface CpioHandler {
  /** True if the content is needed. */
  wants(entry: CpioEntry): boolean;
  /** `content` is undefined if it was not requested. */
  entry(entry: CpioEntry, content: Buffer | undefined): void;
}

/** Parses a stream of archives, one after the other with zeros between them. Buffers at most one entry. */
export class CpioParser {
  readonly #handler: CpioHandler;
  #pending: Buffer = Buffer.alloc(0);
  /** Bytes to skip. */
  #skip = 0;
  /** The offset from the start of the stream, for the padding. */
  #offset = 0;
  #entries = 0;
  #current: CpioEntry | undefined;
  /** True at the start and after a trailer: zeros may follow, and another archive. */
  #isBetween = true;

  constructor(handler: CpioHandler) {
    this.#handler = handler;
  }

  /**
   * Processes the next bytes, and returns how many of them belong to archives. That is fewer than all if other data
   * begins after a trailer.
   * @throws `InitramfsError`.
   */
  push(chunk: Buffer): number {
    const before = this.#pending.length;
    const bytes = before === 0 ? chunk : Buffer.concat([this.#pending, chunk]);
    let at = 0;
    for (;;) {
      const step = this.#step(bytes, at);
      if (step === 'more') break;
      if (step === 'other') {
        this.#pending = Buffer.alloc(0);
        return at - before;
      }
      at += step;
      this.#offset += step;
    }
    this.#pending = Buffer.from(bytes.subarray(at));
    return chunk.length;
  }

  /** @throws if an entry is truncated. */
  end(): void {
    if (!this.#isBetween || this.#pending.length > 0) throw new InitramfsError('the archive is cut off');
  }

  /** The number of processed bytes; `more` if more are needed, `other` for data that is not an archive. */
  #step(bytes: Buffer, at: number): number | 'more' | 'other' {
    const left = bytes.length - at;
    if (left === 0) return 'more';
    if (this.#skip > 0) {
      const skipped = Math.min(this.#skip, left);
      this.#skip -= skipped;
      return skipped;
    }
    if (this.#current) return this.#content(this.#current, bytes, at);
    if (this.#isBetween && bytes[at] === 0) return zerosFrom(bytes, at);
    const magic = bytes.toString('latin1', at, at + 6);
    if (!MAGICS.some((known) => known.startsWith(magic))) {
      if (this.#isBetween) return 'other';
      throw new InitramfsError('the archive is damaged: an entry has no header');
    }
    return left < HEADER_BYTES ? 'more' : this.#header(bytes, at);
  }

  #header(bytes: Buffer, at: number): number | 'more' {
    const field = (index: number): number => {
      const text = bytes.toString('latin1', at + 6 + index * 8, at + 14 + index * 8);
      if (!/^[0-9a-f]{8}$/i.test(text)) throw new InitramfsError('the archive is damaged: a header is not of digits');
      return Number.parseInt(text, 16);
    };
    const [mode, links, sizeBytes, nameBytes] = [field(1), field(4), field(6), field(11)];
    if (nameBytes === 0 || nameBytes > MOST_NAME_BYTES) throw new InitramfsError(`a name has ${nameBytes} bytes`);
    const total = padded(this.#offset + HEADER_BYTES + nameBytes) - this.#offset;
    if (bytes.length - at < total) return 'more';
    this.#entries += 1;
    if (this.#entries > MOST_ENTRIES) throw new InitramfsError(`it has more than ${MOST_ENTRIES} entries`);
    const name = bytes.toString('latin1', at + HEADER_BYTES, at + HEADER_BYTES + nameBytes - 1);
    this.#isBetween = name === TRAILER;
    if (this.#isBetween) return total;
    const inode = links > 1 ? `${field(7)}:${field(8)}:${field(0)}` : undefined;
    this.#current = { name: name.replace(/^(\.?\/)+/, ''), mode, inode, sizeBytes };
    return total;
  }

  #content(entry: CpioEntry, bytes: Buffer, at: number): number | 'more' {
    const { sizeBytes } = entry;
    const isWanted = this.#handler.wants(entry);
    if (isWanted && bytes.length - at < sizeBytes) return 'more';
    this.#handler.entry(entry, isWanted ? Buffer.from(bytes.subarray(at, at + sizeBytes)) : undefined);
    this.#current = undefined;
    const total = padded(this.#offset + sizeBytes) - this.#offset;
    const done = Math.min(total, bytes.length - at);
    this.#skip = total - done;
    return done;
  }
}

function padded(offset: number): number {
  return Math.ceil(offset / 4) * 4;
}

function zerosFrom(bytes: Buffer, at: number): number {
  let end = at;
  while (end < bytes.length && bytes[end] === 0) end += 1;
  return end - at;
}
