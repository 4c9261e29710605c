import { randomBytes } from 'node:crypto';
import { open, rename, rm, type FileHandle } from 'node:fs/promises';
import { basename, dirname, join } from 'node:path';
import { localFileError } from './local-file-error.ts';

/**
 * Writes a small file atomically: readers see the old content or the new one, even after a crash. The content is
 * written to a new file in the same folder, flushed, and renamed to `path`; on failure, the new file is removed.
 * Without `flush`, readers still see a complete file, but it can be lost after a power failure. Use that for files that
 * are rewritten soon, because a flush can force the file system to write gigabytes of other files first.
 * @throws Hyper2kvmError kind `local-file`.
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

/**
 * Returns a temporary name next to `path` for its future content. Each call returns a different name, so writers never
 * share one, and the last rename wins.
 */
export function draftPath(path: string): string {
  return join(dirname(path), `.${basename(path).slice(0, 100)}.${randomBytes(6).toString('hex')}.tmp`);
}

/**
 * Returns true if `name` is a draft of a file whose name starts with `prefix`. If its writer no longer runs, the draft
 * was left by a process that was killed.
 */
export function isDraftOf(name: string, prefix: string): boolean {
  return name.startsWith(`.${prefix}`) && /\.[0-9a-f]{12}\.tmp$/.test(name);
}

/**
 * Flushes the entries of a folder, so that a rename in it survives a crash. Never throws: the files themselves are
 * already flushed, and some file systems (FUSE, SMB) do not support opening or flushing a folder.
 */
export async function flushFolder(folder: string): Promise<void> {
  let handle: FileHandle | undefined;
  try {
    handle = await open(folder, 'r');
    await handle.sync();
  } catch {
    // Ignored: the files themselves are already flushed.
  } finally {
    await handle?.close().catch(() => {});
  }
}

async function writeNewFile(path: string, data: string | Uint8Array, mode: number, flush: boolean): Promise<void> {
  const handle = await open(path, 'wx', mode);
  try {
    // `open` applies the umask, so the resulting mode can differ from the requested one.
    await handle.chmod(mode);
    await handle.writeFile(data);
    if (flush) await handle.sync();
  } finally {
    await handle.close();
  }
}
