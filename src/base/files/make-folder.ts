import { mkdir, stat } from 'node:fs/promises';
import { dirname } from 'node:path';
import { errnoOf, localFileError } from './local-file-error.ts';

/** 0777 without the bits of the umask, as mkdir(1) makes folders. */
const DEFAULT_MODE = 0o777;

/**
 * Makes `folder` (absolute) with the parents that it lacks, all with `mode`. Returns the topmost one that was made, undefined when the folder was there. A link to a folder counts as one.
 *
 * The only place that makes folders: Node's own recursive mkdir never returns where mkdir(2) says ENOENT below a folder that exists, as /proc does.
 * @throws Hyper2kvmError `local-file`
 */
export async function makeFolder(folder: string, { mode = DEFAULT_MODE } = {}): Promise<string | undefined> {
  try {
    return await make(folder, mode);
  } catch (error) {
    throw localFileError('make the folder', folder, error);
  }
}

/** Another process, or another VM of this run, may make a parent or remove an empty one at any moment. /proc says ENOENT however often it is asked. */
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
