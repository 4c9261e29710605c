import { lstat } from 'node:fs/promises';
import { join } from 'node:path';
import { errnoOf, localFileError } from '../base/local-file-error.ts';
import { makeFolder } from '../base/make-folder.ts';
import { Hyper2kvmError } from '../base/errors.ts';
import { isOwn } from '../base/own-file.ts';
import { stateFolder } from '../base/state-folder.ts';

/** The folder of the job records, in the {@link stateFolder}. Never throws, and makes nothing. */
export function jobsFolder(env: NodeJS.ProcessEnv): string {
  return join(stateFolder(env), 'jobs');
}

/**
 * Makes the folder with mode 0700 unless it is there. Throws kind `local-file` when it cannot be made or belongs to somebody
 * else: under the temporary folder another user could have made it first, to read the records.
 */
export async function prepareJobsFolder(folder: string): Promise<void> {
  try {
    await makeFolder(folder, { mode: 0o700 });
    const { uid, mode } = await lstat(folder);
    if (!isOwn({ uid })) throw foreign(folder, 'belongs to another user');
    if ((mode & 0o022) !== 0) throw foreign(folder, 'can be written by other users');
  } catch (error) {
    throw errnoOf(error) === undefined ? error : localFileError('make', folder, error);
  }
}

function foreign(folder: string, what: string): Hyper2kvmError {
  const hint = 'Set XDG_STATE_HOME to a folder of your own.';
  return new Hyper2kvmError('local-file', `The folder of the job records, ${folder}, ${what}.`, { hint });
}
