import type { OpenFile } from './open-file.ts';

/** One read fetches 64 KiB of a table: 8,192 entries of 8 bytes. */
export const PAGE_BYTES = 65_536;
/**
 * 12 MiB for all open images: one page of the directory and two of a table for each disk of a chain of 64, which are
 * all in use at once.
 */
const MAX_PAGES = 192;

/**
 * The most recently used pages of all files, in order of last use. The memory for tables is bounded, whatever the
 * number and size of the files.
 */
const pages = new Map<string, Buffer>();
let files = 0;

/** A file that is read in pages through the shared cache. */
export class PagedFile {
  readonly #file: OpenFile;
  readonly #number = files++;

  constructor(file: OpenFile) {
    this.#file = file;
  }

  /**
   * Returns a page, which is shorter at the end of the file and empty after it. The cache owns the buffer: do not
   * modify it.
   */
  async page(number: number): Promise<Buffer> {
    const key = `${this.#number}:${number}`;
    const page = pages.get(key) ?? (await this.#file.read(number * PAGE_BYTES, PAGE_BYTES));
    pages.delete(key);
    pages.set(key, page);
    const [oldest] = pages.keys();
    if (pages.size > MAX_PAGES && oldest !== undefined) pages.delete(oldest);
    return page;
  }
}
