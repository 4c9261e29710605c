import { randomBytes } from 'node:crypto';
import { open, rename, rm, type FileHandle } from 'node:fs/promises';
import { basename, dirname, join } from 'node:path';
import { localFileError } from './local-file-error.ts';

/**
 * Puts a small file in place as a whole: readers see the old one or the new one, after a crash too. It is written to a
 * new file in the same folder, flushed and renamed over `path`; on failure that new file is removed. Throws kind
 * `local-file`. Without `flush` it is whole for every reader, but may be gone after a power cut: for what is soon written again, since a flush can
 * make the file system bring gigabytes of other files to the disk first.
 */
export async function writeFileAtomically(
  path: string,
  data: string | Uint8Array,
  { mode = 0o600, flush = true } = {},
): Promise<void> {
  const draft = draftPath(path);
  try {
    await writeNewFile(draft, data, mode, flush);
    await rename(draft, path);
  } catch (error) {
    await rm(draft, { force: true }).catch(() => {});
    throw localFileError('write', path, error);
  }
  if (flush) await flushFolder(dirname(path));
}

/** A name beside `path` for what is to become it: one of its own per call, so that two writers never share one, and the last rename wins. */
export function draftPath(path: string): string {
  return join(dirname(path), `.${basename(path).slice(0, 100)}.${randomBytes(6).toString('hex')}.tmp`);
}

/** Whether `name` is a draft of a file whose name begins with `prefix`; a writer that is over was killed if it is still there. */
export function isDraftOf(name: string, prefix: string): boolean {
  return name.startsWith(`.${prefix}`) && /\.[0-9a-f]{12}\.tmp$/.test(name);
}

/**
 * Flushes a folder's entries, so that a rename in it outlives a crash. Never throws: the files themselves are flushed
 * already, and some file systems (FUSE, SMB) refuse to open or flush a folder.
 */
export async function flushFolder(folder: string): Promise<void> {
  let handle: FileHandle | undefined;
  try {
    handle = await open(folder, 'r');
    await handle.sync();
  } catch {
    // See above.
  } finally {
    await handle?.close().catch(() => {});
  }
}

async function writeNewFile(path: string, data: string | Uint8Array, mode: number, flush: boolean): Promise<void> {
  const handle = await open(path, 'wx', mode);
  try {
    // The mode of `open` is cut by the umask, which may be wider or narrower than what was asked for.
    await handle.chmod(mode);
    await handle.writeFile(data);
    if (flush) await handle.sync();
  } finally {
    await handle.close();
  }
}
