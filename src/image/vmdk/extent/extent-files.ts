import type { OpenFile } from '../../file/open-file.ts';
import { SourceFile } from '../../file/source-file.ts';

/** The files of one disk's extents. Each file is opened once, even if it has several names. Owns the files. */
export class ExtentFiles implements AsyncDisposable {
  readonly files: OpenFile[] = [];
  readonly #sources: SourceFile[] = [];

  /** Takes ownership of `file`, and closes it if the same file was already added. Returns the file's number. */
  async add(file: OpenFile): Promise<number> {
    const known = this.files.findIndex(({ identity }) => identity === file.identity);
    if (known >= 0) {
      await file[Symbol.asyncDispose]();
      return known;
    }
    this.#sources.push(new SourceFile(file, 'VMDK'));
    return this.files.push(file) - 1;
  }

  source(number: number): SourceFile {
    const source = this.#sources[number];
    if (source === undefined) throw new RangeError(`there is no file ${number}`);
    return source;
  }

  async [Symbol.asyncDispose](): Promise<void> {
    await using stack = new AsyncDisposableStack();
    for (const file of this.files) stack.use(file);
  }
}
