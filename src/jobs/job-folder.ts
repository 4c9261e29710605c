import { join } from 'node:path';
import { makeFolder } from '../base/files/make-folder.ts';
import { makeOwnFolder } from '../base/files/own-file.ts';
import { jobsFolder } from './jobs-folder.ts';

/** Makes the folder for the files of one job, beside its record and removed with it. Throws kind `local-file`. */
export async function makeJobFolder(env: NodeJS.ProcessEnv, id: string): Promise<string> {
  const jobs = jobsFolder(env);
  await makeOwnFolder(jobs);
  const folder = join(jobs, id);
  await makeFolder(folder, { mode: 0o700 });
  return folder;
}
