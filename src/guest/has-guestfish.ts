import { accessSync, constants } from 'node:fs';
import { delimiter, join } from 'node:path';

/** True when guestfish is on the PATH. */
export function hasGuestfish(env: NodeJS.ProcessEnv): boolean {
  const folders = (env['PATH'] ?? '').split(delimiter).filter((folder) => folder !== '');
  return folders.some((folder) => {
    try {
      accessSync(join(folder, 'guestfish'), constants.X_OK);
      return true;
    } catch {
      return false;
    }
  });
}
