import { rename, rm } from 'node:fs/promises';
import { join } from 'node:path';
import { errnoOf, localFileError } from '../../../base/files/local-file-error.ts';
import { partialPath } from '../../../base/output/partial-name.ts';

/** The files of one disk of a replica. */
export interface DiskFiles {
  image: string;
  digests: string;
  /** A new image that replaces `image` at the end of the round, and its digests. */
  newImage: string;
  newDigests: string;
  redo: string;
}

export function filesOf(folder: string, file: string): DiskFiles {
  const image = join(folder, file);
  const digests = join(folder, `.${file}.hyper2kvm-digests`);
  return {
    image,
    digests,
    newImage: partialPath(image),
    newDigests: partialPath(digests),
    redo: join(folder, `.${file}.hyper2kvm-redo`),
  };
}

/** Removes what a round that did not complete left of a disk. */
export async function removeRound({ newImage, newDigests, redo }: DiskFiles): Promise<void> {
  for (const path of [newImage, newDigests, redo]) {
    try {
      await rm(path, { force: true });
    } catch (error) {
      throw localFileError('remove', path, error);
    }
  }
}

/** Renames the new files to their final names. Does nothing for a file that already has its final name. */
export async function adoptImage({ image, digests, newImage, newDigests }: DiskFiles): Promise<void> {
  for (const [from, to] of [
    [newDigests, digests],
    [newImage, image],
  ] as const) {
    try {
      await rename(from, to);
    } catch (error) {
      if (errnoOf(error) !== 'ENOENT') throw localFileError('rename', from, error);
    }
  }
}
