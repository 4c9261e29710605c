import { constants, type Stats } from 'node:fs';
import { lstat, open } from 'node:fs/promises';
import { Hyper2kvmError } from '../errors.ts';
import { errnoOf, localFileError } from './local-file-error.ts';
import { makeFolder } from './make-folder.ts';

/** O_NOFOLLOW rejects links, and O_NONBLOCK avoids waiting for a writer if the path is a named pipe. */
const FLAGS = constants.O_RDONLY | constants.O_NOFOLLOW | constants.O_NONBLOCK;
/** Write permission of the group and of others. Whoever can write a record controls what the program reads from it. */
const WRITABLE_BY_OTHERS = 0o022;
const ROOT = 0;

/** The mode of files that only their owner can access. */
export const OWNER_ONLY = 0o600;

/**
 * Returns the text of a record that this program wrote earlier. Output folders and folders for temporary files can be
 * writable for others. A record is therefore trusted only if it is a regular file of this user or root that nobody else
 * can write to. With `isCompared`, the text is only compared with a known one, and a file of any user is accepted. On
 * NTFS and SMB, for example, all files can be writable for everybody. This is the only place that opens records.
 * @throws Hyper2kvmError kind `local-file`, whose `cause` has the code ENOENT if the file does not exist.
 */
export async function readOwnFile(
  path: string,
  { maxBytes = 16 * 1024 * 1024, isCompared = false } = {},
): Promise<string> {
  try {
    await using file = await open(path, FLAGS);
    const stats = await file.stat();
    const { size } = stats;
    const doubt = isCompared && stats.isFile() ? undefined : doubtAbout(stats);
    if (doubt !== undefined) throw refused(path, doubt);
    if (size > maxBytes) throw refused(path, `it has ${size} bytes`);
    return await file.readFile('utf8');
  } catch (error) {
    throw localFileError('read', path, error);
  }
}

/**
 * Returns true if a file from an earlier run can be adopted and written to. A file of another user could contain
 * anything. A file with a second hard link can be another file of this user, which somebody else has linked into the
 * folder.
 */
export function canTakeOver(stats: Stats): boolean {
  return doubtAbout(stats) === undefined && stats.nlink === 1;
}

/**
 * Returns why the content of a file or folder can come from another user, or undefined if only this user and root can
 * have written it. This is the only place that decides this.
 */
export function doubtAbout(stats: Pick<Stats, 'uid' | 'mode'>, kind: 'file' | 'folder' = 'file'): string | undefined {
  const type = stats.mode & constants.S_IFMT;
  if (kind === 'file' && type !== constants.S_IFREG) return 'it is not a regular file';
  if (kind === 'folder' && type !== constants.S_IFDIR) return 'it is not a folder';
  if (stats.uid !== ROOT && stats.uid !== (process.geteuid?.() ?? stats.uid)) return `it belongs to user ${stats.uid}`;
  return (stats.mode & WRITABLE_BY_OTHERS) === 0 ? undefined : 'other users can write to it';
}

/**
 * Creates a folder for files of this user only, and its missing parents, all with mode 0700. An existing folder is
 * accepted unless {@link doubtAbout} returns a reason. In the temporary folder, another user could have created it
 * first, to read or plant files.
 * @throws Hyper2kvmError kind `local-file`.
 */
export async function makeOwnFolder(folder: string): Promise<void> {
  await makeFolder(folder, { mode: 0o700 });
  let doubt: string | undefined;
  try {
    // Does not follow a link, because the owner of the link controls its target.
    doubt = doubtAbout(await lstat(folder), 'folder');
  } catch (error) {
    throw localFileError('access', folder, error);
  }
  if (doubt === undefined) return;
  throw new Hyper2kvmError('local-file', `The folder ${folder} is not used: ${doubt}.`, {
    hint: 'Set XDG_STATE_HOME to a folder that only you can write.',
  });
}

/** Returns true if {@link readOwnFile} failed because the file does not exist. */
export function isMissing(error: unknown): boolean {
  return error instanceof Hyper2kvmError && errnoOf(error.cause) === 'ENOENT';
}

function refused(path: string, why: string): Hyper2kvmError {
  return new Hyper2kvmError('local-file', `The record ${path} is not used: ${why}.`, {
    hint: 'Remove it if you did not create it.',
  });
}
