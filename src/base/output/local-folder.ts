import { rmdir, unlink } from 'node:fs/promises';
import { dirname } from 'node:path';
import { errnoOf, localFileError } from '../files/local-file-error.ts';

/**
 * Removes the folders that {@link makeFolder} created, from `folder` up to `topmost`, as long as they are empty. Never
 * throws.
 */
export async function removeMadeFolders(folder: string, topmost: string | undefined): Promise<void> {
  if (topmost === undefined) return;
  for (let at = folder; at.startsWith(topmost); at = dirname(at)) {
    const removed = await rmdir(at).then(
      () => true,
      () => false,
    );
    if (!removed) return;
  }
}

/**
 * Removes a file. Does not fail if the file does not exist.
 * @throws Hyper2kvmError kind `local-file`.
 */
export async function removeFile(path: string): Promise<void> {
  try {
    await unlink(path);
  } catch (error) {
    if (errnoOf(error) === 'ENOENT') return;
    throw localFileError('remove', path, error);
  }
}
