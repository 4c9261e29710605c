import { chmod, chown, link, rename, symlink } from 'node:fs/promises';
import { dirname, join } from 'node:path';
import { needsRoot, type Need } from './oracles/skips.ts';

const NOBODY = 65_534;

/** Next to the folder that `path` is in. */
const elsewhere = (path: string): string => join(dirname(path), '..', 'elsewhere');

/**
 * What other local users can put where an earlier run left a `.partial` file, each with the same content, size and time of change. None may be taken over.
 * `elsewhere`, next to the folder, is the file that it leads to.
 */
export const FOREIGN_LEFTOVERS: [string, (path: string) => Promise<void>, Need | undefined][] = [
  ['others can write', (path) => chmod(path, 0o666), undefined],
  ['has a second name', (path) => link(path, elsewhere(path)), undefined],
  ['is a link', (path) => rename(path, elsewhere(path)).then(() => symlink(elsewhere(path), path)), undefined],
  ['belongs to another user', (path) => chown(path, NOBODY, NOBODY), needsRoot()],
];
