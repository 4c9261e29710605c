import { constants } from 'node:fs';
import { open } from 'node:fs/promises';
import { Hyper2kvmError } from './errors.ts';
import { errnoOf, localFileError } from './local-file-error.ts';

/** Not through a link, and without waiting for a writer, should a named pipe be there. */
const FLAGS = constants.O_RDONLY | constants.O_NOFOLLOW | constants.O_NONBLOCK;
/** Of the group and of others: whoever can write a record can have the program believe anything. */
const WRITABLE_BY_OTHERS = 0o022;
const ROOT = 0;

/**
 * The text of a record that this program wrote earlier. Output folders, and folders for temporary files, may be writable for others, so a record is believed only when it is a regular file
 * of this user or of root that nobody else can write. The one place that opens records.
 * @throws Hyper2kvmError `local-file`, whose `cause` has the code ENOENT when there is no file.
 */
export async function readOwnFile(path: string, { maxBytes = 16 * 1024 * 1024 } = {}): Promise<string> {
  try {
    await using file = await open(path, FLAGS);
    const stats = await file.stat();
    const { uid, mode, size } = stats;
    if (!stats.isFile()) throw refused(path, 'it is not a regular file');
    if (!isOwn(stats)) throw refused(path, `it belongs to user ${uid}`);
    if ((mode & WRITABLE_BY_OTHERS) !== 0) throw refused(path, 'other users can write it');
    if (size > maxBytes) throw refused(path, `it has ${size} bytes`);
    return await file.readFile('utf8');
  } catch (error) {
    throw localFileError('read', path, error);
  }
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
