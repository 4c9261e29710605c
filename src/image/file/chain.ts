import { dirname } from 'node:path';
import { Hyper2kvmError } from '../../base/errors.ts';
import { InsideFolder } from '../../base/files/inside-folder.ts';
import type { ImageFormat, MappedImage } from '../model/image.ts';
import { OpenFile } from './open-file.ts';

/** More than any snapshot chain that is kept alive (vSphere ends at 32). */
const MAX_IMAGES = 64;

/** Opens `file` as `format`, and takes it over when it succeeds. */
type OpenAs = (file: OpenFile, format: ImageFormat, chain: Chain) => Promise<MappedImage>;

/**
 * The images that stand on each other, from the one that was asked for to its oldest parent. A parent's name comes out of a file that nobody vouches for: it is
 * followed to regular files inside the first image's folder only, links resolved, each file once.
 */
export class Chain {
  /** The first image's folder: nothing is read outside of it. */
  readonly folder: InsideFolder;
  readonly #openAs: OpenAs;
  readonly #identities = new Set<string>();

  private constructor(folder: InsideFolder, first: OpenFile, openAs: OpenAs) {
    this.folder = folder;
    this.#openAs = openAs;
    this.#identities.add(first.identity);
  }

  static async startingAt(first: OpenFile, openAs: OpenAs): Promise<Chain> {
    return new Chain(await InsideFolder.at(dirname(first.path)), first, openAs);
  }

  /**
   * Opens the first of `names` that exists, relative names from the child's folder on, with its own parents. `formatOf` looks at the file first: it says what to open it
   * as, or throws when it is not the parent that the child means.
   * @throws Hyper2kvmError kind `image` when there is none, or it is outside, a parent of itself, or one too many.
   */
  async openParent(
    child: OpenFile,
    names: readonly string[],
    formatOf: (file: OpenFile) => Promise<ImageFormat>,
  ): Promise<MappedImage> {
    const path = await this.#find(child, names);
    if (this.#identities.size >= MAX_IMAGES) {
      throw new Hyper2kvmError('image', `${child.path} has a backing chain of more than ${MAX_IMAGES} images.`);
    }
    const file = await OpenFile.open(path, { asParent: true });
    try {
      if (this.#identities.has(file.identity)) {
        throw new Hyper2kvmError(
          'image',
          `The backing chain of ${child.path} contains a loop: its parent ${path} depends on it.`,
        );
      }
      this.#identities.add(file.identity);
      return await this.#openAs(file, await formatOf(file), this);
    } catch (error) {
      await file[Symbol.asyncDispose]();
      throw error;
    }
  }

  async #find(child: OpenFile, names: readonly string[]): Promise<string> {
    for (const name of names) {
      const found = await this.folder.find(dirname(child.path), name);
      if (found === 'outside') {
        throw new Hyper2kvmError(
          'image',
          `${child.path} names ${JSON.stringify(name)} as its parent, which is outside its folder. hyper2kvm does not read images there.`,
          { hint: 'Move the images of the chain to one folder, and let each one name its parent without a path.' },
        );
      }
      if (found !== 'missing') return found.path;
    }
    const wanted = names.map((name) => JSON.stringify(name)).join(' or ');
    throw new Hyper2kvmError('image', `${child.path} needs its parent ${wanted}, which does not exist.`, {
      hint: 'Copy the parent image to the same folder.',
    });
  }
}
