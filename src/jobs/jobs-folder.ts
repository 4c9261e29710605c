import { lstat, mkdir } from 'node:fs/promises';
import { tmpdir } from 'node:os';
import { isAbsolute, join } from 'node:path';
import { homeFolder } from '../base/home-folder.ts';
import { errnoOf, localFileError } from '../base/local-file-error.ts';
import { Hyper2kvmError } from '../base/errors.ts';

/** The folder of the job records, in the {@link stateFolder}. Never throws, and makes nothing. */
export function jobsFolder(env: NodeJS.ProcessEnv): string {
  return join(stateFolder(env), 'jobs');
}

/**
 * Where the program keeps what it knows from one run to the next: `$XDG_STATE_HOME/hyper2kvm`, by default `~/.local/state/hyper2kvm`; without
 * any home folder, one of this user's own under the system's temporary folder. Never throws, and makes nothing.
 */
export function stateFolder(env: NodeJS.ProcessEnv): string {
  // The XDG Base Directory Specification has relative paths ignored.
  const state = env['XDG_STATE_HOME'];
  if (state !== undefined && isAbsolute(state)) return join(state, 'hyper2kvm');
  const home = homeFolder(env);
  return home === undefined
    ? join(tmpdir(), `hyper2kvm-${process.getuid?.() ?? 'user'}`)
    : join(home, '.local', 'state', 'hyper2kvm');
}

/**
 * Makes the folder with mode 0700 unless it is there. Throws kind `local-file` when it cannot be made or belongs to somebody
 * else: under the temporary folder another user could have made it first, to read the records.
 */
export async function prepareJobsFolder(folder: string): Promise<void> {
  try {
    await mkdir(folder, { recursive: true, mode: 0o700 });
    const { uid, mode } = await lstat(folder);
    const own = process.getuid?.();
    if (own !== undefined && own !== uid && own !== 0) throw foreign(folder, 'belongs to another user');
    if ((mode & 0o022) !== 0) throw foreign(folder, 'can be written by other users');
  } catch (error) {
    throw errnoOf(error) === undefined ? error : localFileError('make', folder, error);
  }
}

function foreign(folder: string, what: string): Hyper2kvmError {
  const hint = 'Set XDG_STATE_HOME to a folder of your own.';
  return new Hyper2kvmError('local-file', `The folder of the job records, ${folder}, ${what}.`, { hint });
}
