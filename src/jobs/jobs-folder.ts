import { join } from 'node:path';
import { makeFolder } from '../base/files/make-folder.ts';
import { makeOwnFolder } from '../base/files/own-file.ts';
import { stateFolder } from '../base/files/state-folder.ts';

/** The folder of the job records, in the {@link stateFolder}. Never throws, and makes nothing. */
export function jobsFolder(env: NodeJS.ProcessEnv): string {
  return join(stateFolder(env), 'jobs');
}

/** Makes the folder for the files of one job, beside its record and removed with it. Throws kind `local-file`. */
export async function makeJobFolder(env: NodeJS.ProcessEnv, id: string): Promise<string> {
  const jobs = jobsFolder(env);
  await makeOwnFolder(jobs);
  const folder = join(jobs, id);
  await makeFolder(folder, { mode: 0o700 });
  return folder;
}
