import { randomBytes } from 'node:crypto';
import { open, readdir, rm, stat, statfs } from 'node:fs/promises';
import { dirname, join, relative, resolve, sep } from 'node:path';
import { errnoOf, localFileError } from './local-file-error.ts';
import { makeFolder } from './make-folder.ts';
import { Hyper2kvmError } from '../errors.ts';

/**
 * Bytes that this user may still write under `path`, whose last parts need not exist yet: asked of its nearest existing
 * parent. Exact below 2^53. Throws kind `local-file`.
 */
export async function freeBytes(path: string): Promise<number> {
  const folder = await nearestFolder(path);
  try {
    // bavail, not bfree: the rest is kept for root. With bigint, as blocks times size passes 2^53 on large pools.
    const { bavail, bsize } = await statfs(folder, { bigint: true });
    return Number(bavail * bsize);
  } catch (error) {
    throw localFileError('read the free space of', folder, error);
  }
}

/**
 * Throws kind `local-file` unless a file can be made in `path`, or in its nearest existing parent. It makes a file and removes it: rights
 * alone do not tell of quotas, of NFS with root squashed, or of a file system that went read-only.
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

/** Of what is not there, or cannot be there: its file system has no such names. */
const NOT_THERE = new Set(['ENOENT', 'ENOTDIR', 'EINVAL', 'EILSEQ', 'ENAMETOOLONG']);

const NO_ROOM = new Set(['ENOSPC', 'EDQUOT']);

/** What a file system reports for reasons that no other name would change. */
const NOT_OF_A_NAME = new Set([...NO_ROOM, 'EIO', 'EROFS', 'EMFILE', 'ENFILE', 'ENOMEM', 'ENODEV']);

/**
 * Throws kind `local-file`, with `hint`, for the first of `names` that the file system of `folder` cannot hold, such as `a:b` on FAT and NTFS; so it does for the names of folders
 * that have to be made for `folder`. It makes empty files of these names, in a folder of its own so that no file of anybody is touched, and removes them.
 */
export async function checkNames(folder: string, names: readonly string[], hint: string): Promise<void> {
  const existing = await nearestFolder(folder);
  const missing = relative(existing, resolve(folder)).split(sep).filter(Boolean);
  const probe = join(existing, `.hyper2kvm-${randomBytes(6).toString('hex')}.probe`);
  try {
    await makeFolder(probe, { mode: 0o700 });
    // What refuses this name refuses any name.
    await makeEmpty(join(probe, 'plain'));
    for (const name of new Set([...missing, ...names])) {
      const why = await whyRefused(probe, name);
      if (why === undefined) continue;
      const sentence = `The file system of ${existing} cannot hold a file named ${JSON.stringify(name)} (${why}).`;
      throw new Hyper2kvmError('local-file', sentence, { hint });
    }
  } catch (error) {
    // Without room for the probe the names are not tried: what is written meets the full file system itself, and says where.
    if (NO_ROOM.has(errnoOf(error) ?? '')) return;
    throw localFileError('write to', existing, error);
  } finally {
    await rm(probe, { recursive: true, force: true }).catch(() => {});
  }
}

/** The errno with which `name` is refused in a folder where others are not, or what it becomes there. Undefined for a name that can be held. */
async function whyRefused(folder: string, name: string): Promise<string | undefined> {
  try {
    await makeEmpty(join(folder, name));
  } catch (error) {
    const code = errnoOf(error);
    if (code === 'EEXIST') return undefined;
    if (code === undefined || NOT_OF_A_NAME.has(code)) throw error;
    return code;
  }
  // Linux' FAT takes trailing dots and drops them. Letters of another case, or composed otherwise, still open as the same file.
  const kept = (await readdir(folder)).map(comparable);
  return kept.includes(comparable(name)) ? undefined : 'it is changed to another name';
}

const comparable = (name: string): string => name.normalize('NFC').toLowerCase();

async function makeEmpty(path: string): Promise<void> {
  const handle = await open(path, 'wx', 0o600);
  await handle.close();
}

/** `path` itself when it is a folder, else the nearest parent that exists. Throws kind `local-file` when that is no folder. */
export async function nearestFolder(path: string): Promise<string> {
  let folder = resolve(path);
  for (;;) {
    try {
      if ((await stat(folder)).isDirectory()) return folder;
      throw new Hyper2kvmError('local-file', `${folder} is not a folder.`, { hint: 'Choose another output folder.' });
    } catch (error) {
      // The root always exists, so this ends.
      if (!NOT_THERE.has(errnoOf(error) ?? '')) throw localFileError('access', folder, error);
      folder = dirname(folder);
    }
  }
}
