import { randomBytes } from 'node:crypto';
import { open, rename, rm, type FileHandle } from 'node:fs/promises';
import { basename, dirname, join } from 'node:path';
import { Hyper2kvmError } from './errors.ts';

/** What a user can do about the failures of a file system that are met most. */
const HINTS: Record<string, { what: string; hint: string }> = {
  ENOSPC: { what: 'no space is left', hint: 'Free space there, or choose another output folder.' },
  EDQUOT: { what: 'the disk quota is used up', hint: 'Free space, or choose another output folder.' },
  EIO: {
    what: 'the disk reports an input/output error',
    hint: 'The storage below may be failing: look at the kernel’s log.',
  },
  EROFS: { what: 'the file system is read-only', hint: 'Choose another output folder.' },
  EACCES: { what: 'permission is denied', hint: 'Choose another output folder, or get write permission for this one.' },
  EPERM: {
    what: 'the operation is not permitted',
    hint: 'Choose another output folder, or get write permission for this one.',
  },
  EEXIST: { what: 'it exists already', hint: 'Move it away, or use --force to replace it.' },
  ENOENT: { what: 'it does not exist', hint: 'Check the path.' },
  ENOTDIR: { what: 'a part of its path is not a folder', hint: 'Choose another output folder.' },
  EISDIR: { what: 'it is a folder', hint: 'Move it away, or choose another output folder.' },
  ELOOP: { what: 'it is a symbolic link', hint: 'Remove the link: hyper2kvm does not write through it.' },
  ENAMETOOLONG: { what: 'the name is too long for the file system', hint: 'Choose a shorter name.' },
  EFBIG: {
    what: 'the file is too large for the file system',
    hint: 'Choose a folder on another file system (FAT ends at 4 GiB).',
  },
  EMFILE: { what: 'too many files are open', hint: 'Raise the limit (ulimit -n).' },
};

/** The errno name (`ENOSPC`) of what Node's file functions threw, else undefined. Node's own codes are `ERR_…`. */
export function errnoOf(error: unknown): string | undefined {
  const code = typeof error === 'object' && error !== null && 'code' in error ? error.code : undefined;
  return typeof code === 'string' && /^E[A-Z0-9]+$/.test(code) ? code : undefined;
}

/**
 * The error of the family for a failed file operation: kind `local-file`, saying that `doing` (`write`, `rename`) failed for `path`.
 * What is of the family already, or no file error at all, comes back as it is.
 */
export function localFileError(doing: string, path: string, cause: unknown): unknown {
  const code = errnoOf(cause);
  if (code === undefined || cause instanceof Hyper2kvmError) return cause;
  const known = HINTS[code];
  const sentence = `Could not ${doing} ${path}: ${known?.what ?? code}.`;
  return new Hyper2kvmError('local-file', sentence, known === undefined ? { cause } : { hint: known.hint, cause });
}

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
  // A name of its own per call, so that two writers never share one: the last rename wins.
  const draft = join(dirname(path), `.${basename(path).slice(0, 100)}.${randomBytes(6).toString('hex')}.tmp`);
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
