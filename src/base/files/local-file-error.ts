import { constants } from 'node:os';
import { Hyper2kvmError } from '../errors.ts';

/** Remedies for the most common file system errors. */
const HINTS: Record<string, { what: string; hint: string }> = {
  ENOSPC: { what: 'no space is left', hint: 'Free up space there, or choose another output folder.' },
  EDQUOT: { what: 'the disk quota is used up', hint: 'Free up space, or choose another output folder.' },
  EIO: {
    what: 'the disk reports an input/output error',
    hint: 'The storage may be failing: check the kernel log.',
  },
  EROFS: { what: 'the file system is read-only', hint: 'Choose another output folder.' },
  EACCES: { what: 'permission is denied', hint: 'Choose another output folder, or get write permission for this one.' },
  EPERM: {
    what: 'the operation is not permitted',
    hint: 'Choose another output folder, or get write permission for this one.',
  },
  EEXIST: { what: 'it already exists', hint: 'Move it, or use --force to overwrite it.' },
  ENOENT: { what: 'it does not exist', hint: 'Check the path.' },
  ENOTDIR: { what: 'a part of its path is not a folder', hint: 'Choose another output folder.' },
  EISDIR: { what: 'it is a folder', hint: 'Move it, or choose another output folder.' },
  ELOOP: { what: 'it is a symbolic link', hint: 'Remove the link: hyper2kvm does not write through it.' },
  ENAMETOOLONG: { what: 'the name is too long for the file system', hint: 'Choose a shorter name.' },
  EFBIG: {
    what: 'the file is too large for the file system',
    hint: 'Choose a folder on another file system (the limit of FAT is 4 GiB).',
  },
  EMFILE: { what: 'too many files are open', hint: 'Raise the limit (ulimit -n).' },
};

/**
 * Returns the errno name (`ENOSPC`) of an error from Node's file functions, otherwise undefined. Node's own codes start
 * with `ERR_`.
 */
export function errnoOf(error: unknown): string | undefined {
  const code = typeof error === 'object' && error !== null && 'code' in error ? error.code : undefined;
  if (typeof code === 'string' && /^E[A-Z0-9]+$/.test(code)) return code;
  // libuv has no name for some errors, such as EDQUOT. Node reports them as "Unknown system error -122", with the
  // number.
  const number = error instanceof Error && 'syscall' in error && 'errno' in error ? error.errno : undefined;
  return Object.entries(constants.errno).find(([, value]) => value === -Number(number))?.[0];
}

/**
 * Converts a failed file operation to an error of kind `local-file`, whose message states that `doing` (`write`,
 * `rename`) failed for `path`. An error that is already a Hyper2kvmError, or not a file error, is returned unchanged.
 */
export function localFileError(doing: string, path: string, cause: unknown): unknown {
  const code = errnoOf(cause);
  if (code === undefined || cause instanceof Hyper2kvmError) return cause;
  const known = HINTS[code];
  const sentence = `Could not ${doing} ${path}: ${known?.what ?? code}.`;
  return new Hyper2kvmError('local-file', sentence, known === undefined ? { cause } : { hint: known.hint, cause });
}
