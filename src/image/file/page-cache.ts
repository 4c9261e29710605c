import type { OpenFile } from './open-file.ts';

/** One read brings 64 KiB of a table: 8,192 entries of 8 bytes. */
export const PAGE_BYTES = 65_536;
/** 12 MiB for all images that are open: a page of the directory and two of a table for each disk of a chain of 64, which are all in use at once. */
const MAX_PAGES = 192;

/** The pages that were read last, of all files, in the order of their last use: however many files a disk has, and however large it is, its tables take no more. */
const pages = new Map<string, Buffer>();
let files = 0;

/** A file, by pages. */
export class PagedFile {
  readonly #file: OpenFile;
  readonly #number = files++;

  constructor(file: OpenFile) {
    this.#file = file;
  }

  /** Shorter than a page at the end of the file, empty beyond. Not to be written to. */
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
