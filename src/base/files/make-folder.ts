import { mkdir, stat } from 'node:fs/promises';
import { dirname } from 'node:path';
import { errnoOf, localFileError } from './local-file-error.ts';

/** 0777 minus the umask, as in mkdir(1). */
const DEFAULT_MODE = 0o777;

/**
 * Creates `folder` (an absolute path) and its missing parents, all with `mode`. Returns the topmost folder that was
 * created, or undefined if the folder existed. A link to a folder counts as a folder.
 *
 * This is the only place that creates folders. Node's own recursive mkdir never returns if mkdir(2) reports ENOENT
 * below an existing folder, as in /proc.
 * @throws Hyper2kvmError kind `local-file`.
 */
export async function makeFolder(folder: string, { mode = DEFAULT_MODE } = {}): Promise<string | undefined> {
  try {
    return await make(folder, mode);
  } catch (error) {
    throw localFileError('make the folder', folder, error);
  }
}

/**
 * Another process, or another VM of this run, can create a parent or remove an empty one at any time. The limit is for
 * /proc, which reports ENOENT every time.
 */
const TRIES = 5;

async function make(folder: string, mode: number, tries = TRIES): Promise<string | undefined> {
  try {
    await mkdir(folder, { mode });
    return folder;
  } catch (error) {
    if (await isFolder(folder)) return undefined;
    const parent = dirname(folder);
    if (errnoOf(error) !== 'ENOENT' || parent === folder || tries === 0) throw error;
    const topmost = await make(parent, mode);
    const made = await make(folder, mode, tries - 1);
    return topmost ?? made;
  }
}

function isFolder(path: string): Promise<boolean> {
  return stat(path).then(
    (found) => found.isDirectory(),
    () => false,
  );
}
