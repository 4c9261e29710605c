import { realpath } from 'node:fs/promises';
import { posix } from 'node:path';
import { errnoOf, localFileError } from './local-file-error.ts';

/** What a name leads to: the path without links, as the bytes that it is. */
export type FoundInside = { bytes: Buffer; path: string } | 'missing' | 'outside';

/**
 * The one guard for names that come from a file or a server: they lead to files in one folder and below it, or nowhere. Links are followed, and count as
 * where they lead. Names are bytes, as the file system's are.
 */
export class InsideFolder {
  /** In latin1, one character for each byte. */
  readonly #root: string;

  private constructor(root: string) {
    this.#root = root;
  }

  /** `folder` itself may be a link, since the user gave it. Throws kind `local-file` when it cannot be read. */
  static async at(folder: string): Promise<InsideFolder> {
    const root = await realPathOf(latin1(folder));
    return new InsideFolder(root ?? posix.resolve(latin1(folder)));
  }

  /**
   * Finds `name` from the folder `from` on, which is this folder or one below it. `outside` does not depend on whether there is such a file, so that nobody
   * learns that from it. Throws kind `local-file` when the file system refuses to say.
   */
  async find(from: string, name: string | Buffer): Promise<FoundInside> {
    const text = latin1(name);
    if (text === '' || text.includes('\0')) return 'missing';
    const named = posix.resolve(latin1(from), text);
    const real = await realPathOf(named);
    if (real === undefined) return this.#holds(await realParentOf(named)) ? 'missing' : 'outside';
    if (real === this.#root || !this.#holds(real)) return 'outside';
    const bytes = Buffer.from(real, 'latin1');
    return { bytes, path: bytes.toString() };
  }

  #holds(path: string): boolean {
    // Only the root of the file system ends with its slash.
    return path === this.#root || path.startsWith(this.#root.endsWith('/') ? this.#root : `${this.#root}/`);
  }
}

function latin1(text: string | Buffer): string {
  return Buffer.from(text).toString('latin1');
}

/** Undefined when there is no such file. */
async function realPathOf(path: string): Promise<string | undefined> {
  const bytes = Buffer.from(path, 'latin1');
  try {
    return (await realpath(bytes, { encoding: 'buffer' })).toString('latin1');
  } catch (error) {
    if (['ENOENT', 'ENOTDIR', 'ENAMETOOLONG'].includes(errnoOf(error) ?? '')) return undefined;
    throw localFileError('open', bytes.toString(), error);
  }
}

/** The folder in which a file that does not exist would be, or as much of it as exists. */
async function realParentOf(path: string): Promise<string> {
  const parent = posix.dirname(path);
  return (await realPathOf(parent)) ?? (parent === path ? parent : await realParentOf(parent));
}
