import { constants } from 'node:fs';
import { open, type FileHandle } from 'node:fs/promises';
import { localFileError } from '../base/local-file-error.ts';
import { Hyper2kvmError } from '../base/errors.ts';
import { writeFully } from '../base/direct-io.ts';
import { digestOf } from './file-digest.ts';
import { moveTowardsEnd } from './tar-move.ts';

/** An open tar: the file operations that an OVA takes, each with errors of kind `local-file` that name it. */
export class TarFile {
  readonly path: string;
  readonly handle: FileHandle;
  /** Whether it was changed since it was opened. */
  isChanged = false;

  private constructor(path: string, handle: FileHandle) {
    this.path = path;
    this.handle = handle;
  }

  /** Opens without cutting: an earlier process may have left whole members. A link that stands there is not followed. */
  static async open(path: string): Promise<TarFile> {
    try {
      const handle = await open(path, constants.O_RDWR | constants.O_CREAT | constants.O_NOFOLLOW, 0o666);
      if ((await handle.stat()).isFile()) return new TarFile(path, handle);
      await handle.close();
      throw new Hyper2kvmError('local-file', `${path} is not a file.`, { hint: 'Move it away.' });
    } catch (error) {
      throw localFileError('create', path, error);
    }
  }

  async isEmpty(): Promise<boolean> {
    return (await this.handle.stat()).size === 0;
  }

  /** Cuts it, or makes it longer with zeros, and flushes it. */
  async cut(sizeBytes: number): Promise<void> {
    await this.#change(async () => {
      await this.handle.truncate(sizeBytes);
      await this.handle.sync();
    });
  }

  async write(bytes: Uint8Array, offsetBytes: number): Promise<void> {
    await this.#change(() => writeFully(this.handle, bytes, offsetBytes));
  }

  /** See {@link moveTowardsEnd}. */
  async move(from: number, end: number, distance: number, signal: AbortSignal | undefined): Promise<void> {
    await this.#change(() => moveTowardsEnd(this.handle, from, end, distance, signal));
  }

  /** See {@link digestOf}. */
  async digest(offsetBytes: number, sizeBytes: number, signal: AbortSignal | undefined): Promise<string | undefined> {
    try {
      return await digestOf(this.handle, offsetBytes, sizeBytes, signal);
    } catch (error) {
      throw localFileError('read', this.path, error);
    }
  }

  /** Never rejects: what must be on the disk was flushed before. */
  async close(): Promise<void> {
    await this.handle.close().catch(() => {});
  }

  async #change(operation: () => Promise<void>): Promise<void> {
    this.isChanged = true;
    try {
      await operation();
    } catch (error) {
      throw localFileError('write', this.path, error);
    }
  }
}
