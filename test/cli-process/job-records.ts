import { readdir } from 'node:fs/promises';
import { join } from 'node:path';

/** Returns the folder of the job records in a state folder. */
export function jobsIn(stateFolder: string): string {
  return join(stateFolder, 'hyper2kvm', 'jobs');
}

/**
 * Returns the IDs of all jobs in no particular order: IDs of the same second differ in a random suffix.
 * Drafts of records that are being rewritten are not included.
 */
export async function jobIds(stateFolder: string): Promise<string[]> {
  const names = await readdir(jobsIn(stateFolder));
  return names.filter((name) => /^[^.].*\.json$/.test(name)).map((name) => name.replace(/\.json$/, ''));
}
