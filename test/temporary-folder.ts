import { mkdtemp, realpath, rm } from 'node:fs/promises';
import { tmpdir } from 'node:os';
import { join } from 'node:path';

/**
 * Creates a folder whose name begins with `prefix`. Returns its path with symbolic links resolved, which is how results
 * and errors name files.
 */
export async function makeTemporaryFolder(prefix: string): Promise<string> {
  return mkdtemp(join(await realpath(tmpdir()), prefix));
}

/** A temporary folder that is removed at the end of the scope. */
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
