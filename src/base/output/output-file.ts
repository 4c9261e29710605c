import { open, rm, type FileHandle } from 'node:fs/promises';
import { settleAll } from '../concurrency.ts';
import { FileWriter } from '../files/direct-io.ts';
import { localFileError } from '../files/local-file-error.ts';
import { OWNER_ONLY } from '../files/own-file.ts';

/** A new file that an image is written into, anywhere and in any order. All errors are of kind `local-file` and name the file. */
export class OutputFile {
  readonly path: string;
  readonly #handle: FileHandle;
  readonly #writer: FileWriter;

  private constructor(path: string, handle: FileHandle) {
    this.path = path;
    this.#handle = handle;
    this.#writer = new FileWriter(handle);
  }

  /** Makes the file; what stood there (a leftover of an earlier run) is removed first, and a link is not followed. */
  static async create(path: string): Promise<OutputFile> {
    try {
      await rm(path, { force: true });
      return new OutputFile(path, await open(path, 'wx', OWNER_ONLY));
    } catch (error) {
      throw localFileError('create', path, error);
    }
  }

  async write(bytes: Uint8Array, position: number): Promise<void> {
    try {
      await this.#writer.write(bytes, position);
    } catch (error) {
      throw localFileError('write', this.path, error);
    }
  }

  /** Sets the size; what is new reads as zeros and takes no space. */
  async truncate(sizeBytes: number): Promise<void> {
    try {
      await this.#handle.truncate(sizeBytes);
    } catch (error) {
      throw localFileError('write', this.path, error);
    }
  }

  /** Brings all to the disk and closes. */
  async finish(): Promise<void> {
    try {
      await this.#writer[Symbol.asyncDispose]();
      await this.#handle.sync();
      await this.#handle.close();
    } catch (error) {
      throw localFileError('write', this.path, error);
    }
  }

  /** Closes and removes. */
  async discard(): Promise<void> {
    await this.#writer[Symbol.asyncDispose]().catch(() => undefined);
    await this.#handle.close().catch(() => undefined);
    await rm(this.path, { force: true });
  }
}

/** Writes into a file that are under way together. */
export class Writes {
  readonly #file: Pick<OutputFile, 'write'>;
  readonly #all: Promise<void>[] = [];

  constructor(file: Pick<OutputFile, 'write'>) {
    this.#file = file;
  }

  /** Begins a write. The bytes must not change before `onWritten`, or {@link done}. */
  add(bytes: Uint8Array, position: number, onWritten?: () => void): void {
    this.#all.push(this.#file.write(bytes, position).then(onWritten));
  }

  /** Waits for all, also when one fails. @throws the first failure. */
  done(): Promise<void> {
    return settleAll(this.#all);
  }
}
