import { readdir } from 'node:fs/promises';
import { join } from 'node:path';

/** Where the program keeps its records, in the state folder that it was given. */
export function jobsIn(stateFolder: string): string {
  return join(stateFolder, 'hyper2kvm', 'jobs');
}

/** The ids of all jobs, without an order: those of one second end at random. A record that is just being written anew has a draft beside it, which is none. */
export async function jobIds(stateFolder: string): Promise<string[]> {
  const names = await readdir(jobsIn(stateFolder));
  return names.filter((name) => /^[^.].*\.json$/.test(name)).map((name) => name.replace(/\.json$/, ''));
}
