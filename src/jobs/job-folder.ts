import { mkdir } from 'node:fs/promises';
import { join } from 'node:path';
import { localFileError } from '../base/local-file-error.ts';
import { jobsFolder, prepareJobsFolder } from './jobs-folder.ts';

/** Makes the folder for the files of one job, beside its record and removed with it. Throws kind `local-file`. */
export async function makeJobFolder(env: NodeJS.ProcessEnv, id: string): Promise<string> {
  const jobs = jobsFolder(env);
  await prepareJobsFolder(jobs);
  const folder = join(jobs, id);
  try {
    await mkdir(folder, { recursive: true, mode: 0o700 });
    return folder;
  } catch (error) {
    throw localFileError('make', folder, error);
  }
}
