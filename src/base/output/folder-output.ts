import { constants } from 'node:fs';
import { lstat, open, type FileHandle } from 'node:fs/promises';
import { join, resolve } from 'node:path';
import type { FileClaim, FileClaims } from '../claims/file-claim.ts';
import { Hyper2kvmError } from '../errors.ts';
import { digestOf, digestOfText } from '../files/file-digest.ts';
import { errnoOf, localFileError } from '../files/local-file-error.ts';
import { makeFolder } from '../files/make-folder.ts';
import { canTakeOver } from '../files/own-file.ts';
import { fileIdentity, FileOutput, requireOwn, type OnEnd } from './file-output.ts';
import { giveFinalNames, type NamingOptions } from './final-names.ts';
import { removeFile, removeMadeFolders } from './local-folder.ts';
import type { ContinuedFile, LeftFile, OutputSet } from './output.ts';
import { partialPath } from './partial-name.ts';
import { requirePlainName } from './plain-name.ts';

export interface FolderOutputOptions extends NamingOptions {
  /** Created, including its parents, if it does not exist. */
  folder: string;
  /** The names of files that each run generates from the others (a manifest). They are never kept for the next run. */
  texts?: readonly string[];
}

/**
 * Files in one folder, each with a partial name until the commit. Any number can be open at once.
 * @throws Hyper2kvmError kind `local-file`.
 */
export class FolderOutput implements OutputSet {
  readonly maxOpenFiles = Number.POSITIVE_INFINITY;
  readonly folder: string;
  readonly #naming: NamingOptions;
  readonly #madeFolder: string | undefined;
  readonly #open = new Map<string, FileOutput>();
  /** The identity of each complete file by name. It detects whether another file has replaced it before the commit. */
  readonly #complete = new Map<string, string>();
  readonly #texts: readonly string[];
  readonly #claims: FileClaim[] = [];
  #isCommitted = false;

  private constructor({ folder, force, mode, texts = [] }: FolderOutputOptions, madeFolder: string | undefined) {
    this.folder = folder;
    this.#naming = { force, mode };
    this.#texts = texts;
    this.#madeFolder = madeFolder;
  }

  static async open(options: FolderOutputOptions): Promise<FolderOutput> {
    const folder = resolve(options.folder);
    return new FolderOutput({ ...options, folder }, await makeFolder(folder));
  }

  /**
   * Prevents other runs from using these names until this set ends.
   * @throws Hyper2kvmError kind `busy`.
   */
  async claim(names: readonly string[], claims: FileClaims): Promise<void> {
    for (const name of names) this.#claims.push(await claims.claim(join(this.folder, name)));
  }

  /** Returns the path of a file before the commit. */
  pathOf(name: string): string {
    return partialPath(join(this.folder, name));
  }

  create(name: string): Promise<ContinuedFile> {
    return this.#begin(name, 'create');
  }

  /** Opens an incomplete file that an earlier attempt or run left. Undefined if there is none that can be trusted. */
  async reopen(name: string): Promise<ContinuedFile | undefined> {
    requirePlainName(name);
    this.#requireClosed(name);
    const file = await FileOutput.reopen(this.pathOf(name), { name, onEnd: this.#onEnd(name) });
    if (file) this.#open.set(name, file);
    return file;
  }

  /** `doing` is for error messages. */
  async #begin(name: string, doing: 'create' | 'write'): Promise<ContinuedFile> {
    requirePlainName(name);
    this.#requireClosed(name);
    const file = await FileOutput.create(this.pathOf(name), { name, onEnd: this.#onEnd(name), doing });
    this.#open.set(name, file);
    return file;
  }

  #requireClosed(name: string): void {
    if (this.#open.has(name)) throw new Hyper2kvmError('internal', `${name} is open already.`);
    this.#complete.delete(name);
  }

  #onEnd(name: string): OnEnd {
    return (identity) => {
      this.#open.delete(name);
      if (identity === undefined) this.#complete.delete(name);
      else this.#complete.set(name, identity);
    };
  }

  /**
   * Writes a small text as a complete file. On failure, nothing remains of it. The caller sees one operation, so an
   * error states that the file could not be written, not created.
   */
  async writeText(name: string, text: string): Promise<{ name: string; sizeBytes: number; sha256: string }> {
    const file = await this.#begin(name, 'write');
    try {
      await file.append(Buffer.from(text));
      const { sizeBytes } = await file.complete();
      return { name, sizeBytes, sha256: digestOfText(text) };
    } catch (error) {
      await file.discard();
      throw error;
    }
  }

  async adopt(left: LeftFile, signal: AbortSignal): Promise<boolean> {
    requirePlainName(left.name);
    const path = this.pathOf(left.name);
    const isSame = left.modifiedMs === undefined ? await hasContent(path, left, signal) : await isUntouched(path, left);
    if (isSame) this.#complete.set(left.name, await fileIdentity(path));
    else await removeFile(path);
    return isSame;
  }

  async commit(names: readonly string[]): Promise<void> {
    this.requireNoneOpen();
    for (const [name, identity] of this.#complete) await requireOwn(this.pathOf(name), identity);
    const paths = names.map((name) => join(this.folder, name));
    await giveFinalNames(this.folder, paths, this.#naming);
    this.#isCommitted = true;
    this.#release();
  }

  /**
   * Checks that no file is open.
   * @throws Hyper2kvmError kind `internal` if one is.
   */
  requireNoneOpen(): void {
    if (this.#open.size === 0) return;
    throw new Hyper2kvmError('internal', `${[...this.#open.keys()].join(', ')} is still open.`);
  }

  async discard({ keepComplete }: { keepComplete: boolean }): Promise<void> {
    try {
      if (this.#isCommitted) return;
      for (const file of this.#open.values()) await file.discard();
      for (const name of keepComplete ? this.#texts : [...this.#texts, ...this.#complete.keys()]) {
        await removeFile(this.pathOf(name));
        this.#complete.delete(name);
      }
      await removeMadeFolders(this.folder, this.#madeFolder);
    } finally {
      this.#release();
    }
  }

  #release(): void {
    for (const claim of this.#claims.splice(0)) claim[Symbol.dispose]();
  }
}

/** O_NOFOLLOW rejects links, and O_NONBLOCK avoids blocking on a named pipe. */
const OPEN_LEFTOVER = constants.O_RDONLY | constants.O_NOFOLLOW | constants.O_NONBLOCK;

/**
 * Returns true if the file belongs to this user and has the given size and SHA-256.
 * @throws Hyper2kvmError kind `local-file`, or the reason of an abort.
 */
async function hasContent(path: string, { sizeBytes, sha256 }: LeftFile, signal: AbortSignal): Promise<boolean> {
  signal.throwIfAborted();
  let handle: FileHandle;
  try {
    handle = await open(path, OPEN_LEFTOVER);
  } catch (error) {
    if (errnoOf(error) === 'ENOENT' || errnoOf(error) === 'ELOOP') return false;
    throw localFileError('read', path, error);
  }
  try {
    const found = await handle.stat();
    if (!canTakeOver(found) || found.size !== sizeBytes) return false;
    return (await digestOf(handle, 0, sizeBytes, signal)) === sha256.toLowerCase();
  } catch (error) {
    throw localFileError('read', path, error);
  } finally {
    await handle.close();
  }
}

/**
 * A file of this user whose size and modification time match was flushed completely, and has not been modified since.
 */
function isUntouched(path: string, { sizeBytes, modifiedMs }: LeftFile): Promise<boolean> {
  return lstat(path).then(
    (found) => canTakeOver(found) && found.size === sizeBytes && found.mtimeMs === modifiedMs,
    () => false,
  );
}
