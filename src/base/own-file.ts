import { constants, type Stats } from 'node:fs';
import { open } from 'node:fs/promises';
import { Hyper2kvmError } from './errors.ts';
import { errnoOf, localFileError } from './local-file-error.ts';

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

/** Why a file must not be believed; undefined when it may. */
function doubtAbout(stats: Stats): string | undefined {
  if (!stats.isFile()) return 'it is not a regular file';
  if (!isOwn(stats)) return `it belongs to user ${stats.uid}`;
  return (stats.mode & WRITABLE_BY_OTHERS) === 0 ? undefined : 'other users can write it';
}

/** Whether a file belongs to this user or to root. What belongs to somebody else may have been put there to be taken for this user's. */
export function isOwn({ uid }: { uid: number }): boolean {
  return uid === ROOT || uid === (process.geteuid?.() ?? uid);
}

/** Whether {@link readOwnFile} found no file. */
export function isMissing(error: unknown): boolean {
  return error instanceof Hyper2kvmError && errnoOf(error.cause) === 'ENOENT';
}

function refused(path: string, why: string): Hyper2kvmError {
  return new Hyper2kvmError('local-file', `The record ${path} is not used: ${why}.`, {
    hint: 'Remove it when nothing of yours made it.',
  });
}
