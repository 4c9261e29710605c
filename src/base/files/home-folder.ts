import { homedir } from 'node:os';
import { isAbsolute } from 'node:path';

/** The user's home folder: an absolute `HOME`, else what the system says; undefined when there is none. Never throws. */
export function homeFolder(env: NodeJS.ProcessEnv): string | undefined {
  const home = env['HOME'];
  if (home !== undefined && isAbsolute(home)) return home;
  try {
    // Throws for a uid without an entry in passwd, which containers often run with.
    const known = homedir();
    return isAbsolute(known) ? known : undefined;
  } catch {
    return undefined;
  }
}
