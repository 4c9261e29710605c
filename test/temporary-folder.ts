import { mkdtemp, realpath, rm } from 'node:fs/promises';
import { tmpdir } from 'node:os';
import { join } from 'node:path';

/** Makes a folder that begins with `prefix`, and gives its path as links resolve it: so results and errors name the files in it. */
export async function makeTemporaryFolder(prefix: string): Promise<string> {
  return mkdtemp(join(await realpath(tmpdir()), prefix));
}

/** A folder like that, which is removed at the end of the scope. */
export class TemporaryFolder implements AsyncDisposable {
  readonly path: string;

  protected constructor(path: string) {
    this.path = path;
  }

  static async make(prefix: string): Promise<TemporaryFolder> {
    return new TemporaryFolder(await makeTemporaryFolder(prefix));
  }

  async [Symbol.asyncDispose](): Promise<void> {
    await rm(this.path, { recursive: true, force: true });
  }
}
