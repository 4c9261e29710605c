import { join } from 'node:path';
import { makeFolder } from '../base/files/make-folder.ts';
import { makeOwnFolder } from '../base/files/own-file.ts';
import { stateFolder } from '../base/files/state-folder.ts';

/** The folder of the job records, in the {@link stateFolder}. Never throws and creates nothing. */
export function jobsFolder(env: NodeJS.ProcessEnv): string {
  return join(stateFolder(env), 'jobs');
}

/**
 * Creates the folder for the files of one job. It is next to the job's record and is removed with it.
 * @throws Hyper2kvmError `local-file`
 */
export async function makeJobFolder(env: NodeJS.ProcessEnv, id: string): Promise<string> {
  const jobs = jobsFolder(env);
  await makeOwnFolder(jobs);
  const folder = join(jobs, id);
  await makeFolder(folder, { mode: 0o700 });
  return folder;
}
