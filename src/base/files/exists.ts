import { access, lstat } from 'node:fs/promises';

/** Returns true if `path` refers to something that this user can access. Follows links. */
export function exists(path: string): Promise<boolean> {
  return access(path).then(
    () => true,
    () => false,
  );
}

/** Returns true if the name is in use, even by a dangling link. */
export function isTaken(path: string): Promise<boolean> {
  return lstat(path).then(
    () => true,
    () => false,
  );
}
