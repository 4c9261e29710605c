import { realpath } from 'node:fs/promises';
import { posix } from 'node:path';
import { errnoOf, localFileError } from './local-file-error.ts';

/** The target of a name: its path with links resolved, as text and as the original bytes. */
export type FoundInside = { bytes: Buffer; path: string } | 'missing' | 'outside';

/**
 * The only check for names that come from a file or a server. They must refer to files in one folder or its subfolders.
 * Links are resolved first. Names are bytes, as in the file system.
 */
export class InsideFolder {
  /** Decoded as latin1: one character per byte. */
  readonly #root: string;

  private constructor(root: string) {
    this.#root = root;
  }

  /**
   * `folder` can be a link, because the user specified it.
   * @throws Hyper2kvmError kind `local-file` if it cannot be read.
   */
  static async at(folder: string): Promise<InsideFolder> {
    const root = await realPathOf(latin1(folder));
    return new InsideFolder(root ?? posix.resolve(latin1(folder)));
  }

  /**
   * Finds `name` relative to the folder `from`, which is this folder or one of its subfolders. The result `outside`
   * does not depend on whether the file exists, so that it does not reveal that.
   * @throws Hyper2kvmError kind `local-file` if the file system returns another error.
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
    // Only the root of the file system ends with a slash.
    return path === this.#root || path.startsWith(this.#root.endsWith('/') ? this.#root : `${this.#root}/`);
  }
}

function latin1(text: string | Buffer): string {
  return Buffer.from(text).toString('latin1');
}

/** Returns undefined if the file does not exist. */
async function realPathOf(path: string): Promise<string | undefined> {
  const bytes = Buffer.from(path, 'latin1');
  try {
    return (await realpath(bytes, { encoding: 'buffer' })).toString('latin1');
  } catch (error) {
    if (['ENOENT', 'ENOTDIR', 'ENAMETOOLONG'].includes(errnoOf(error) ?? '')) return undefined;
    throw localFileError('open', bytes.toString(), error);
  }
}

/** Returns the real path of the folder for a file that does not exist, or of its nearest existing parent. */
async function realParentOf(path: string): Promise<string> {
  const parent = posix.dirname(path);
  return (await realPathOf(parent)) ?? (parent === path ? parent : await realParentOf(parent));
}
