import { mkdtemp, realpath } from 'node:fs/promises';
import { tmpdir } from 'node:os';
import { join } from 'node:path';

/** Makes a folder that begins with `prefix`, and gives its path as links resolve it: so results and errors name the files in it. */
export async function makeTemporaryFolder(prefix: string): Promise<string> {
  return mkdtemp(join(await realpath(tmpdir()), prefix));
}
