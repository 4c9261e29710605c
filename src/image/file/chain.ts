import { dirname } from 'node:path';
import { Hyper2kvmError } from '../../base/errors.ts';
import { InsideFolder } from '../../base/files/inside-folder.ts';
import type { ImageFormat, MappedImage } from '../model/image.ts';
import { OpenFile } from './open-file.ts';

/** Longer than any backing chain in practice: vSphere allows at most 32 snapshots. */
const MAX_IMAGES = 64;

/** Opens `file` as `format`, and takes ownership of it on success. */
type OpenAs = (file: OpenFile, format: ImageFormat, chain: Chain) => Promise<MappedImage>;

/**
 * The images of a backing chain, from the requested image to its oldest parent. A parent's name comes from an untrusted
 * file. It is followed only to regular files inside the first image's folder, after links are resolved, and only once
 * per file.
 */
export class Chain {
  /** The folder of the first image. No file outside it is read. */
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
   * Opens the first of `names` that exists, and its own parents. Relative names start at the child's folder. `formatOf`
   * inspects the file first: it returns the format to open it as, or throws if the file is not the expected parent.
   * @throws Hyper2kvmError kind `image` if no file exists, if it is outside the folder, if the chain has a loop, or if
   * it is too long.
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
