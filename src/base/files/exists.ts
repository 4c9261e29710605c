import { access } from 'node:fs/promises';

/** Returns true if `path` refers to something that this user can access. Follows links. */
export function exists(path: string): Promise<boolean> {
  return access(path).then(
    () => true,
    () => false,
  );
}
