import { homedir } from 'node:os';
import { isAbsolute } from 'node:path';

/**
 * Returns the user's home folder: `HOME` if it is absolute, otherwise the one from the system. Undefined if there is
 * none. Never throws.
 */
export function homeFolder(env: NodeJS.ProcessEnv): string | undefined {
  const home = env['HOME'];
  if (home !== undefined && isAbsolute(home)) return home;
  try {
    // Throws for a uid without an entry in passwd, which is common in containers.
    const known = homedir();
    return isAbsolute(known) ? known : undefined;
  } catch {
    return undefined;
  }
}
