import { constants, type BigIntStats } from 'node:fs';
import { open, stat, type FileHandle } from 'node:fs/promises';
import { basename } from 'node:path';
import { Hyper2kvmError } from '../errors.ts';
import { FileWriter } from '../files/direct-io.ts';
import { errnoOf, localFileError } from '../files/local-file-error.ts';
import { canTakeOver, OWNER_ONLY } from '../files/own-file.ts';
import { BufferedFile } from './buffered-file.ts';
import { removeFile } from './local-folder.ts';
import type { CompleteFile, ContinuedFile } from './output.ts';

/** Receives the {@link fileIdentity} of a complete file, or undefined for a discarded one. */
export type OnEnd = (identity: string | undefined) => void;

export interface FileOutputOptions {
  /** The final name. The default is the file name of the path. */
  name?: string | undefined;
  onEnd?: OnEnd;
  /** The operation to state in error messages. */
  doing?: 'create' | 'write' | undefined;
}

/** O_NONBLOCK avoids blocking on a named pipe. */
const REOPEN = constants.O_RDWR | constants.O_NOFOLLOW | constants.O_NONBLOCK;

/** A regular file that only its owner can access. */
export class FileOutput implements ContinuedFile {
  readonly name: string;
  readonly path: string;
  readonly #handle: FileHandle;
  readonly #writer: FileWriter;
  readonly #onEnd: OnEnd;
  #appended: BufferedFile | undefined;
  #state: 'open' | 'complete' | 'gone' = 'open';

  private constructor(path: string, name: string, handle: FileHandle, onEnd: OnEnd) {
    this.path = path;
    this.name = name;
    this.#handle = handle;
    this.#writer = new FileWriter(handle);
    this.#onEnd = onEnd;
  }

  /** Creates the file at `path`. An existing file (left by an earlier run) is removed first. Links are not followed. */
  static async create(
    path: string,
    { name = basename(path), onEnd = () => {}, doing }: FileOutputOptions = {},
  ): Promise<FileOutput> {
    return new FileOutput(path, name, await createNew(path, { doing, access: constants.O_RDWR }), onEnd);
  }

  /**
   * Opens a file that {@link suspend} or a killed run left. Undefined if there is none, or if another user can have
   * written it.
   */
  static async reopen(
    path: string,
    { name = basename(path), onEnd = () => {} }: FileOutputOptions = {},
  ): Promise<FileOutput | undefined> {
    try {
      const handle = await open(path, REOPEN);
      if (canTakeOver(await handle.stat())) return new FileOutput(path, name, handle, onEnd);
      await handle.close();
      return undefined;
    } catch (error) {
      if (errnoOf(error) === 'ENOENT' || errnoOf(error) === 'ELOOP') return undefined;
      throw localFileError('open', path, error);
    }
  }

  append(chunk: Uint8Array): Promise<void> {
    this.#appended ??= new BufferedFile(this.#handle, this.path, 0);
    return this.#appended.write(chunk);
  }

  write(bytes: Uint8Array, offsetBytes: number): Promise<void> {
    return this.#change(() => this.#writer.write(bytes, offsetBytes));
  }

  setSize(sizeBytes: number): Promise<void> {
    return this.#change(() => this.#handle.truncate(sizeBytes));
  }

  async complete(): Promise<CompleteFile> {
    await this.#appended?.end();
    const found = await this.#change(async () => {
      await this.#writer[Symbol.asyncDispose]();
      await this.#handle.sync();
      const own = await this.#handle.stat({ bigint: true });
      await this.#handle.close();
      return own;
    });
    const identity = identityOf(found);
    await requireOwn(this.path, identity);
    this.#state = 'complete';
    this.#onEnd(identity);
    // In ms with a fraction, as in `Stats` without bigint. Records compare this value.
    const { mtimeMs } = await this.#change(() => stat(this.path));
    return { sizeBytes: Number(found.size), modifiedMs: mtimeMs };
  }

  async read(target: Uint8Array, offsetBytes: number): Promise<boolean> {
    return await this.#change(async () => {
      for (let done = 0; done < target.length;) {
        const { bytesRead } = await this.#handle.read(target, done, target.length - done, offsetBytes + done);
        if (bytesRead === 0) return false;
        done += bytesRead;
      }
      return true;
    });
  }

  async flush(): Promise<void> {
    await this.#change(() => this.#handle.datasync());
  }

  async suspend(): Promise<void> {
    if (this.#state !== 'open') return;
    this.#state = 'gone';
    this.#onEnd(undefined);
    await this.#writer[Symbol.asyncDispose]();
    await this.#handle.close();
  }

  async discard(): Promise<void> {
    const state = this.#state;
    if (state === 'gone') return;
    this.#state = 'gone';
    this.#onEnd(undefined);
    if (state === 'open') {
      await this.#appended?.settle();
      await this.#writer[Symbol.asyncDispose]().catch(() => {});
      await this.#handle.close().catch(() => {});
    }
    await removeFile(this.path);
  }

  async #change<Result>(operation: () => Promise<Result>): Promise<Result> {
    try {
      return await operation();
    } catch (error) {
      throw localFileError('write', this.path, error);
    }
  }
}

/** Returns a value that is equal for all paths to the same file; '' if there is no file. */
export async function fileIdentity(path: string): Promise<string> {
  const found = await stat(path, { bigint: true }).catch(() => undefined);
  return found === undefined ? '' : identityOf(found);
}

/**
 * Checks that the file is still the same. Another host, or a user, may have replaced it or removed its folder.
 * @throws Hyper2kvmError kind `local-file`.
 */
export async function requireOwn(path: string, identity: string): Promise<void> {
  if ((await fileIdentity(path)) === identity) return;
  throw new Hyper2kvmError('local-file', `${path} was removed or replaced while it was written.`, {
    hint: 'To resume, rerun the same command when nothing else writes to that folder.',
  });
}

function identityOf({ dev, ino }: BigIntStats): string {
  return `${dev}:${ino}`;
}

/** Creates a file and replaces one that an earlier run left. A link is removed, not followed. */
export async function createNew(
  path: string,
  { access = constants.O_WRONLY, doing = 'create' }: { access?: number; doing?: 'create' | 'write' | undefined } = {},
): Promise<FileHandle> {
  try {
    await removeFile(path);
    return await open(path, access | constants.O_CREAT | constants.O_EXCL, OWNER_ONLY);
  } catch (error) {
    throw localFileError(doing, path, error);
  }
}
