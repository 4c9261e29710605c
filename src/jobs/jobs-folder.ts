import { join } from 'node:path';
import { stateFolder } from '../base/files/state-folder.ts';

/** The folder of the job records, in the {@link stateFolder}. Never throws, and makes nothing. */
export function jobsFolder(env: NodeJS.ProcessEnv): string {
  return join(stateFolder(env), 'jobs');
}
