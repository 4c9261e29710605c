import { access, lstat } from 'node:fs/promises';

/** Whether `path` leads to something that this user can see; links are followed. */
export function exists(path: string): Promise<boolean> {
  return access(path).then(
    () => true,
    () => false,
  );
}

/** Whether the name is in use, be it by a link that leads nowhere. */
export function isTaken(path: string): Promise<boolean> {
  return lstat(path).then(
    () => true,
    () => false,
  );
}
