import { realpath } from 'node:fs/promises';
import { dirname } from 'node:path';
import { errnoOf, localFileError } from '../../base/local-file-error.ts';
import { OpenFile } from '../file/open-file.ts';

const SLASH = '/'.charCodeAt(0);

/** Why a named file is not opened. */
export type NameFault = 'missing' | 'outside';

/**
 * The files that a descriptor may name: those in the folder of the disk, and below it. A name in a descriptor is a stranger's, and could lead to any file that this user
 * may read. Names are bytes, as the file system's are.
 */
export class NamedFiles {
  readonly #root: Buffer;

  private constructor(root: Buffer) {
    this.#root = root;
  }

  /** `folder` itself may be a link: the user gave it. Throws kind `local-file`. */
  static async in(folder: string): Promise<NamedFiles> {
    try {
      return new NamedFiles(await realpath(folder, { encoding: 'buffer' }));
    } catch (error) {
      throw localFileError('open', folder, error);
    }
  }

  /**
   * Opens the first of `spellings` that exists beside the file `from`; the caller closes it. Says why not when there is none, or when a name is absolute, climbs with `..`,
   * or is, or goes through, a link that leads out. Throws kind `local-file`, or `image` when it is no regular file.
   */
  async open(from: string, spellings: readonly Buffer[]): Promise<OpenFile | NameFault> {
    for (const name of spellings) {
      // Told by the name alone, so that nobody learns whether there is such a file.
      if (name[0] === SLASH || name.toString('latin1').split('/').includes('..')) return 'outside';
      const real = await realPathOf(from, name);
      if (real !== undefined)
        return this.#holds(real) ? OpenFile.open(real.toString(), { asParent: true, bytes: real }) : 'outside';
    }
    return 'missing';
  }

  #holds(real: Buffer): boolean {
    const root = this.#root;
    if (real.length <= root.length || !real.subarray(0, root.length).equals(root)) return false;
    // Only the root of the file system ends with its slash.
    return root.at(-1) === SLASH || real[root.length] === SLASH;
  }
}

/** The path without links, or undefined when there is no such file. */
async function realPathOf(from: string, name: Buffer): Promise<Buffer | undefined> {
  if (name.length === 0 || name.includes(0)) return undefined;
  try {
    return await realpath(Buffer.concat([Buffer.from(`${dirname(from)}/`), name]), { encoding: 'buffer' });
  } catch (error) {
    if (['ENOENT', 'ENOTDIR', 'ENAMETOOLONG', 'ELOOP'].includes(errnoOf(error) ?? '')) return undefined;
    throw localFileError('open', `${dirname(from)}/${name.toString()}`, error);
  }
}
