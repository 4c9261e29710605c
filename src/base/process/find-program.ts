import { accessSync, constants } from 'node:fs';
import { delimiter, join } from 'node:path';

/** The first location of a program on the PATH, then in the folders of `more`. */
export function findProgram(name: string, env: NodeJS.ProcessEnv, more: readonly string[] = []): string | undefined {
  const folders = (env['PATH'] ?? '').split(delimiter).filter((folder) => folder !== '');
  return [...folders, ...more].map((folder) => join(folder, name)).find(isProgram);
}

/** True when guestfish is on the PATH. */
export function hasGuestfish(env: NodeJS.ProcessEnv): boolean {
  return findProgram('guestfish', env) !== undefined;
}

function isProgram(path: string): boolean {
  try {
    accessSync(path, constants.X_OK);
    return true;
  } catch {
    return false;
  }
}
