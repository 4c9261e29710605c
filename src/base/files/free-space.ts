import { randomBytes } from 'node:crypto';
import { open, readdir, rm, stat, statfs } from 'node:fs/promises';
import { dirname, join, relative, resolve, sep } from 'node:path';
import { errnoOf, localFileError } from './local-file-error.ts';
import { makeFolder } from './make-folder.ts';
import { Hyper2kvmError } from '../errors.ts';

/**
 * Returns the number of bytes that this user can still write under `path`. Components at the end of the path need not
 * exist yet: the file system of its nearest existing parent is queried. Exact below 2^53.
 * @throws Hyper2kvmError kind `local-file`.
 */
export async function freeBytes(path: string): Promise<number> {
  const folder = await nearestFolder(path);
  try {
    // bavail, not bfree, because the difference is reserved for root. bigint, because blocks times block size exceeds
    // 2^53 on large pools.
    const { bavail, bsize } = await statfs(folder, { bigint: true });
    return Number(bavail * bsize);
  } catch (error) {
    throw localFileError('read the free space of', folder, error);
  }
}

/**
 * Checks that a file can be created in `path`, or in its nearest existing parent, by creating and removing one.
 * Permissions alone do not reveal quotas, NFS with root squashing, or a file system that became read-only.
 * @throws Hyper2kvmError kind `local-file`.
 */
export async function checkWritable(path: string): Promise<void> {
  const folder = await nearestFolder(path);
  const probe = join(folder, `.hyper2kvm-${randomBytes(6).toString('hex')}.probe`);
  try {
    await makeEmpty(probe);
    await rm(probe);
  } catch (error) {
    throw localFileError('write to', folder, error);
  }
}

/** Errors for a path that does not exist, or cannot exist because its file system does not support the name. */
const NOT_THERE = new Set(['ENOENT', 'ENOTDIR', 'EINVAL', 'EILSEQ', 'ENAMETOOLONG']);

const NO_ROOM = new Set(['ENOSPC', 'EDQUOT']);

/** Errors that do not depend on the file name. */
const NOT_OF_A_NAME = new Set([...NO_ROOM, 'EIO', 'EROFS', 'EMFILE', 'ENFILE', 'ENOMEM', 'ENODEV']);

/**
 * Checks that the file system of `folder` supports `names`, and the names of the parent folders that must be created;
 * FAT and NTFS, for example, do not support `a:b`. Creates empty files with these names in a temporary folder, so that
 * no existing file is touched, and removes them.
 * @throws Hyper2kvmError kind `local-file`, with `hint`, for the first unsupported name.
 */
export async function checkNames(folder: string, names: readonly string[], hint: string): Promise<void> {
  const existing = await nearestFolder(folder);
  const missing = relative(existing, resolve(folder)).split(sep).filter(Boolean);
  const probe = join(existing, `.hyper2kvm-${randomBytes(6).toString('hex')}.probe`);
  try {
    await makeFolder(probe, { mode: 0o700 });
    // If this name is rejected, the reason is not the name.
    await makeEmpty(join(probe, 'plain'));
    for (const name of new Set([...missing, ...names])) {
      const why = await whyRefused(probe, name);
      if (why === undefined) continue;
      const sentence = `The file system of ${existing} cannot hold a file named ${JSON.stringify(name)} (${why}).`;
      throw new Hyper2kvmError('local-file', sentence, { hint });
    }
  } catch (error) {
    // If there is no space for the probe, the names are not checked. The actual write reports the full file system and
    // its location.
    if (NO_ROOM.has(errnoOf(error) ?? '')) return;
    throw localFileError('write to', existing, error);
  } finally {
    await rm(probe, { recursive: true, force: true }).catch(() => {});
  }
}

/**
 * Returns the errno with which `name` is rejected in a folder that accepts other names, or how the name is changed.
 * Undefined for a supported name.
 */
async function whyRefused(folder: string, name: string): Promise<string | undefined> {
  try {
    await makeEmpty(join(folder, name));
  } catch (error) {
    const code = errnoOf(error);
    if (code === 'EEXIST') return undefined;
    if (code === undefined || NOT_OF_A_NAME.has(code)) throw error;
    return code;
  }
  // FAT on Linux accepts and removes trailing dots. A name in different case or Unicode normalization still opens the
  // same file.
  const kept = (await readdir(folder)).map(comparable);
  return kept.includes(comparable(name)) ? undefined : 'it is changed to another name';
}

const comparable = (name: string): string => name.normalize('NFC').toLowerCase();

async function makeEmpty(path: string): Promise<void> {
  const handle = await open(path, 'wx', 0o600);
  await handle.close();
}

/**
 * Returns `path` if it is a folder, otherwise its nearest existing parent.
 * @throws Hyper2kvmError kind `local-file` if that is not a folder.
 */
export async function nearestFolder(path: string): Promise<string> {
  let folder = resolve(path);
  for (;;) {
    try {
      if ((await stat(folder)).isDirectory()) return folder;
      throw new Hyper2kvmError('local-file', `${folder} is not a folder.`, { hint: 'Choose another output folder.' });
    } catch (error) {
      // The loop ends, because the root always exists.
      if (!NOT_THERE.has(errnoOf(error) ?? '')) throw localFileError('access', folder, error);
      folder = dirname(folder);
    }
  }
}
