import { constants } from 'node:fs';
import { open, type FileHandle } from 'node:fs/promises';
import { errnoOf, localFileError } from '../../base/files/local-file-error.ts';
import { Hyper2kvmError } from '../../base/errors.ts';
import { writeFully } from '../../base/files/direct-io.ts';
import { canTakeOver, OWNER_ONLY } from '../../base/files/own-file.ts';
import { digestOf } from '../../base/files/file-digest.ts';
import { createNew } from '../../base/output/file-output.ts';
import { moveTowardsEnd } from './tar-move.ts';

/** O_NOFOLLOW rejects links, and O_NONBLOCK avoids blocking on a named pipe. */
const OPEN_LEFTOVER = constants.O_RDWR | constants.O_NOFOLLOW | constants.O_NONBLOCK;

/** An open tar with the file operations that an OVA needs. Errors have kind `local-file` and contain its path. */
export class TarFile {
  readonly path: string;
  readonly handle: FileHandle;
  /** Whether it was modified after it was opened. */
  isChanged = false;

  private constructor(path: string, handle: FileHandle) {
    this.path = path;
    this.handle = handle;
  }

  /**
   * Opens without truncating, because an earlier process may have left complete members. A file that does not belong to
   * this user is replaced. Links are not followed.
   */
  static async open(path: string): Promise<TarFile> {
    try {
      const handle = await open(path, OPEN_LEFTOVER);
      const found = await handle.stat();
      if (canTakeOver(found)) {
        // Some file systems have no modes.
        await handle.chmod(OWNER_ONLY).catch(() => {});
        return new TarFile(path, handle);
      }
      await handle.close();
      if (!found.isFile()) throw new Hyper2kvmError('local-file', `${path} is not a file.`, { hint: 'Move it.' });
    } catch (error) {
      if (errnoOf(error) !== 'ENOENT') throw localFileError('create', path, error);
    }
    return new TarFile(path, await createNew(path, { access: constants.O_RDWR }));
  }

  async isEmpty(): Promise<boolean> {
    return (await this.handle.stat()).size === 0;
  }

  /** Truncates the file, or extends it with zeros, and flushes it. */
  async cut(sizeBytes: number): Promise<void> {
    await this.#change(async () => {
      await this.handle.truncate(sizeBytes);
      await this.handle.sync();
    });
  }

  async flush(): Promise<void> {
    await this.#change(() => this.handle.sync());
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

  /** Never rejects: essential data was flushed before. */
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
