import { chmod, chown, link, rename, symlink } from 'node:fs/promises';
import { dirname, join } from 'node:path';
import { needsRoot, type Need } from './oracles/skips.ts';

const NOBODY = 65_534;

/** Returns a path next to the folder that contains `path`. */
const elsewhere = (path: string): string => join(dirname(path), '..', 'elsewhere');

/**
 * What another local user can create where an earlier run left a `.partial` file, with the same content, size and
 * modification time. None of these files may be adopted.
 * `elsewhere`, next to the folder, is the file that a link refers to.
 */
export const FOREIGN_LEFTOVERS: [string, (path: string) => Promise<void>, Need | undefined][] = [
  ['others can write', (path) => chmod(path, 0o666), undefined],
  ['has a second name', (path) => link(path, elsewhere(path)), undefined],
  ['is a link', (path) => rename(path, elsewhere(path)).then(() => symlink(elsewhere(path), path)), undefined],
  ['belongs to another user', (path) => chown(path, NOBODY, NOBODY), needsRoot()],
];
