import { constants } from 'node:fs';
import { link, lstat, open, rename } from 'node:fs/promises';
import { flushFolder } from '../files/atomic-file.ts';
import { errnoOf, localFileError } from '../files/local-file-error.ts';
import { Hyper2kvmError } from '../errors.ts';
import { OWNER_ONLY } from '../files/own-file.ts';
import { removeFile } from './local-folder.ts';
import { partialPath } from './partial-name.ts';

export interface NamingOptions {
  /** Replace files that have the final names. */
  force: boolean;
  /** Of the files, whatever the umask is. Default: 0600. A disk holds the password hashes and keys of its machine. */
  mode?: number | undefined;
}

/**
 * Gives each `<path>.partial` its final name, in order, and flushes the folder. Throws kind `local-file`; then those that had been renamed
 * are `.partial` again, as far as the file system lets it. Without `force` no file is overwritten; with it a file of an
 * earlier export is. The one place that decides the mode of a result: a `.partial` file is closed to everybody but its owner, and `mode` comes before the first name.
 */
export async function giveFinalNames(
  folder: string,
  paths: readonly string[],
  { force, mode = OWNER_ONLY }: NamingOptions,
): Promise<void> {
  for (const path of paths) await setMode(partialPath(path), mode);
  if (force) {
    // The last one is what makes a package of the files: an old descriptor must not stand over new disks after a crash.
    for (const path of paths.toReversed()) await removeFile(path);
  } else {
    // Looked at first, so that the usual clash is found before anything moves; the move itself looks again.
    for (const path of paths) await requireFree(path);
  }
  const done: string[] = [];
  try {
    for (const path of paths) {
      await moveToFree(partialPath(path), path);
      done.push(path);
    }
  } catch (error) {
    for (const path of done.toReversed()) await rename(path, partialPath(path)).catch(() => {});
    throw error;
  }
  await flushFolder(folder);
}

/** A link is not followed. A file system without modes (FAT, some SMB and FUSE) has its own rule about who reads, and a file that is missing is found when it is renamed. */
async function setMode(path: string, mode: number): Promise<void> {
  try {
    await using file = await open(path, constants.O_RDONLY | constants.O_NOFOLLOW | constants.O_NONBLOCK);
    await file.chmod(mode);
  } catch {
    // What it has then is at most what it was made with, which is no more than its owner's.
  }
}

/** Errors of link(2) that say that this file system, or its mount, has no hard links. */
const NO_LINKS = new Set(['EPERM', 'ENOTSUP', 'EOPNOTSUPP', 'ENOSYS', 'EMLINK', 'EINVAL', 'EACCES', 'EXDEV']);

/**
 * rename(2) overwrites, and Node has no renameat2 with RENAME_NOREPLACE. link(2) never overwrites and cannot race, so the file
 * gets its second name first and loses its old one then. Where there are no hard links (FAT, exFAT, some SMB and FUSE) a look and
 * a rename must do: a file that appears between the two would be lost.
 */
async function moveToFree(from: string, to: string): Promise<void> {
  try {
    try {
      await link(from, to);
    } catch (error) {
      if (!NO_LINKS.has(errnoOf(error) ?? '')) throw error;
      await requireFree(to);
      return await rename(from, to);
    }
    await removeFile(from);
  } catch (error) {
    throw localFileError('create', to, error);
  }
}

async function requireFree(path: string): Promise<void> {
  try {
    await lstat(path);
  } catch (error) {
    if (errnoOf(error) === 'ENOENT') return;
    throw localFileError('access', path, error);
  }
  throw new Hyper2kvmError('local-file', `${path} already exists.`, {
    hint: 'Move it, or use --force to overwrite it.',
  });
}
