import { randomBytes } from 'node:crypto';
import { open, rm, stat, statfs } from 'node:fs/promises';
import { dirname, join, resolve } from 'node:path';
import { errnoOf, localFileError } from './local-file-error.ts';
import { Hyper2kvmError } from './errors.ts';

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
    const handle = await open(probe, 'wx', 0o600);
    await handle.close();
    await rm(probe);
  } catch (error) {
    throw localFileError('write to', folder, error);
  }
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
      if (errnoOf(error) !== 'ENOENT' && errnoOf(error) !== 'ENOTDIR') throw localFileError('look at', folder, error);
      folder = dirname(folder);
    }
  }
}
