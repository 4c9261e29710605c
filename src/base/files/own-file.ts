import { constants, type Stats } from 'node:fs';
import { lstat, open } from 'node:fs/promises';
import { Hyper2kvmError } from '../errors.ts';
import { errnoOf, localFileError } from './local-file-error.ts';
import { makeFolder } from './make-folder.ts';

/** Not through a link, and without waiting for a writer, should a named pipe be there. */
const FLAGS = constants.O_RDONLY | constants.O_NOFOLLOW | constants.O_NONBLOCK;
/** Of the group and of others: whoever can write a record can have the program believe anything. */
const WRITABLE_BY_OTHERS = 0o022;
const ROOT = 0;

/** The mode of files that are for nobody but their owner. */
export const OWNER_ONLY = 0o600;

/**
 * The text of a record that this program wrote earlier. Output folders, and folders for temporary files, may be writable for others, so a record is believed only when it is a regular file
 * of this user or of root that nobody else can write. With `isCompared`, its text is only compared with a known one: then anybody's file will do, as on NTFS or SMB, where all files
 * can be writable for all. The one place that opens records.
 * @throws Hyper2kvmError `local-file`, whose `cause` has the code ENOENT when there is no file.
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
 * Whether a file that an earlier run may have left can be taken over and written on. One that somebody else made could hold anything, and one with a second
 * name may be a file of this user's that somebody else has linked into the folder.
 */
export function canTakeOver(stats: Stats): boolean {
  return doubtAbout(stats) === undefined && stats.nlink === 1;
}

/**
 * Why the content of a file, or of a folder, may come from another user; undefined when only this user and root can have written it. The one place that
 * decides this.
 */
export function doubtAbout(stats: Pick<Stats, 'uid' | 'mode'>, kind: 'file' | 'folder' = 'file'): string | undefined {
  const type = stats.mode & constants.S_IFMT;
  if (kind === 'file' && type !== constants.S_IFREG) return 'it is not a regular file';
  if (kind === 'folder' && type !== constants.S_IFDIR) return 'it is not a folder';
  if (stats.uid !== ROOT && stats.uid !== (process.geteuid?.() ?? stats.uid)) return `it belongs to user ${stats.uid}`;
  return (stats.mode & WRITABLE_BY_OTHERS) === 0 ? undefined : 'other users can write to it';
}

/**
 * Makes a folder for files of this user only, with the parents that it lacks, all with mode 0700; one that exists is accepted unless {@link doubtAbout} it.
 * Below the temporary folder another user could have made it first, to read or plant files.
 * @throws Hyper2kvmError `local-file`
 */
export async function makeOwnFolder(folder: string): Promise<void> {
  await makeFolder(folder, { mode: 0o700 });
  let doubt: string | undefined;
  try {
    // Not through a link: whoever owns the link decides where it leads.
    doubt = doubtAbout(await lstat(folder), 'folder');
  } catch (error) {
    throw localFileError('access', folder, error);
  }
  if (doubt === undefined) return;
  throw new Hyper2kvmError('local-file', `The folder ${folder} is not used: ${doubt}.`, {
    hint: 'Set XDG_STATE_HOME to a folder that only you can write.',
  });
}

/** Whether {@link readOwnFile} found no file. */
export function isMissing(error: unknown): boolean {
  return error instanceof Hyper2kvmError && errnoOf(error.cause) === 'ENOENT';
}

function refused(path: string, why: string): Hyper2kvmError {
  return new Hyper2kvmError('local-file', `The record ${path} is not used: ${why}.`, {
    hint: 'Remove it if you did not create it.',
  });
}
