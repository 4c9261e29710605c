import { Hyper2kvmError } from '../../base/errors.ts';
import type { OpenFile } from './open-file.ts';
import { PAGE_BYTES, PagedFile } from './page-cache.ts';

export { PAGE_BYTES } from './page-cache.ts';

/**
 * A file that is read as one format. Its tables are read through a bounded page cache. Errors contain the file name and
 * the offset. No value from the file leads to an allocation of more than one page.
 */
export class SourceFile {
  readonly file: OpenFile;
  readonly #formatName: string;
  readonly #pages: PagedFile;

  constructor(file: OpenFile, formatName: string) {
    this.file = file;
    this.#formatName = formatName;
    this.#pages = new PagedFile(file);
  }

  get sizeBytes(): number {
    return this.file.sizeBytes;
  }

  /**
   * Returns the error for the data at `offsetBytes`. `what` describes the violation of the format, or what is not
   * supported.
   */
  fault(offsetBytes: number, what: string, hint?: string): Hyper2kvmError {
    const sentence = `${this.file.path} cannot be read as ${this.#formatName}: ${what} (at byte ${offsetBytes}).`;
    return new Hyper2kvmError('image', sentence, hint === undefined ? {} : { hint });
  }

  /**
   * Throws if `[offsetBytes, offsetBytes + lengthBytes)` is not completely inside the file. `toldAt` is the offset of
   * the field that specifies the range.
   */
  requireInside(offsetBytes: number, lengthBytes: number, what: string, referencedAt: number): void {
    if (offsetBytes + lengthBytes <= this.sizeBytes) return;
    const place = `bytes ${offsetBytes} to ${offsetBytes + lengthBytes}`;
    throw this.fault(referencedAt, `${what} would be in ${place}, but the file ends at byte ${this.sizeBytes}`);
  }

  /**
   * Reads `lengthBytes` bytes, at most one page, at `offsetBytes`. If the file ends earlier, the error calls them
   * `what`.
   */
  async read(offsetBytes: number, lengthBytes: number, what: string): Promise<Buffer> {
    if (lengthBytes > PAGE_BYTES) throw new RangeError(`${lengthBytes} bytes are more than a page`);
    this.requireInside(offsetBytes, lengthBytes, what, offsetBytes);
    const head = await this.slice(offsetBytes, lengthBytes);
    if (head.length === lengthBytes) return head;
    return Buffer.concat([head, await this.slice(offsetBytes + head.length, lengthBytes - head.length)]);
  }

  /**
   * Like `read`, but bypasses the cache: for small structures that are scattered between data, where a full page would
   * be read for a few bytes.
   */
  async readScattered(offsetBytes: number, lengthBytes: number, what: string, referencedAt: number): Promise<Buffer> {
    if (lengthBytes > PAGE_BYTES) throw new RangeError(`${lengthBytes} bytes are more than a page`);
    this.requireInside(offsetBytes, lengthBytes, what, referencedAt);
    const bytes = await this.file.read(offsetBytes, lengthBytes);
    this.requireInside(offsetBytes, lengthBytes + (lengthBytes - bytes.length), what, referencedAt);
    return bytes;
  }

  /**
   * Returns the bytes from `offsetBytes` to the end of their page, at most `lengthBytes`. The cache owns them: do not
   * modify them.
   */
  async slice(offsetBytes: number, lengthBytes: number): Promise<Buffer> {
    const number = Math.floor(offsetBytes / PAGE_BYTES);
    const page = await this.#pages.page(number);
    const start = offsetBytes - number * PAGE_BYTES;
    const end = Math.min(start + lengthBytes, PAGE_BYTES);
    if (end > page.length) throw this.fault(number * PAGE_BYTES + page.length, 'the file ends inside a table');
    return page.subarray(start, end);
  }
}
