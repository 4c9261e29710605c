import { constants } from 'node:fs';
import { link, lstat, open, rename } from 'node:fs/promises';
import { flushFolder } from '../files/atomic-file.ts';
import { errnoOf, localFileError } from '../files/local-file-error.ts';
import { Hyper2kvmError } from '../errors.ts';
import { OWNER_ONLY } from '../files/own-file.ts';
import { removeFile } from './local-folder.ts';
import { partialPath } from './partial-name.ts';

export interface NamingOptions {
  /** Replace existing files with the final names. */
  force: boolean;
  /**
   * The mode of the files, independent of the umask. Default: 0600, because a disk contains the password hashes and
   * keys of its VM.
   */
  mode?: number | undefined;
}

/**
 * Renames each `<path>.partial` to its final name, in order, and flushes the folder. After an error, files that were
 * already renamed are renamed back to `.partial` if possible. Without `force`, no file is overwritten; with it, files
 * of an earlier export are. This is the only place that decides the mode of a result: only the owner can access a
 * `.partial` file, and `mode` is set before the first rename.
 * @throws Hyper2kvmError kind `local-file`.
 */
export async function giveFinalNames(
  folder: string,
  paths: readonly string[],
  { force, mode = OWNER_ONLY }: NamingOptions,
): Promise<void> {
  for (const path of paths) await setMode(partialPath(path), mode);
  if (force) {
    // The last file makes the files a package, so it is removed first: after a crash, an old descriptor must not remain
    // with new disks.
    for (const path of paths.toReversed()) await removeFile(path);
  } else {
    // Checked first, so that a conflict is usually detected before any file is renamed. The rename itself checks again.
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

/**
 * Sets the mode without following a link. File systems without modes (FAT, some SMB and FUSE) control access in their
 * own way. A missing file is detected by the rename.
 */
async function setMode(path: string, mode: number): Promise<void> {
  try {
    await using file = await open(path, constants.O_RDONLY | constants.O_NOFOLLOW | constants.O_NONBLOCK);
    await file.chmod(mode);
  } catch {
    // The file then keeps the mode that it was created with, which allows access at most for its owner.
  }
}

/** Errors of link(2) which mean that the file system, or its mount, does not support hard links. */
const NO_LINKS = new Set(['EPERM', 'ENOTSUP', 'EOPNOTSUPP', 'ENOSYS', 'EMLINK', 'EINVAL', 'EACCES', 'EXDEV']);

/**
 * rename(2) overwrites, and Node has no renameat2 with RENAME_NOREPLACE. link(2) never overwrites and is atomic, so the
 * file first gets its second name, and then loses the old one. Without hard links (FAT, exFAT, some SMB and FUSE), a
 * check and a rename are used: a file that appears between the two would be lost.
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

/** @throws Hyper2kvmError kind `local-file` if there is something with this name, also a dangling link. */
export async function requireFree(path: string, hint = 'Move it, or use --force to overwrite it.'): Promise<void> {
  try {
    await lstat(path);
  } catch (error) {
    if (errnoOf(error) === 'ENOENT') return;
    throw localFileError('access', path, error);
  }
  throw new Hyper2kvmError('local-file', `${path} already exists.`, { hint });
}
