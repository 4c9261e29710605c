import { mkdir, rm, writeFile } from 'node:fs/promises';
import { dirname, join } from 'node:path';
import { Hyper2kvmError } from '../../../src/base/errors.ts';
import type { MappedImage } from '../../../src/image/model/image.ts';
import { OpenFile } from '../../../src/image/file/open-file.ts';
import { openVmdkFile } from '../../../src/image/vmdk/open-vmdk.ts';
import { makeTemporaryFolder } from '../../temporary-folder.ts';

/** A folder with the files of a disk. It is removed at the end of the scope. */
export class DiskFolder implements AsyncDisposable {
  readonly path: string;

  private constructor(path: string) {
    this.path = path;
  }

  static async with(files: Readonly<Record<string, string | Uint8Array>> = {}): Promise<DiskFolder> {
    const folder = new DiskFolder(await makeTemporaryFolder('h2k-vmdk-'));
    for (const [name, content] of Object.entries(files)) await folder.write(name, content);
    return folder;
  }

  /** Writes a file. A string is encoded as Latin-1, so that each character is one byte. */
  async write(name: string, content: string | Uint8Array): Promise<string> {
    const path = join(this.path, name);
    await mkdir(dirname(path), { recursive: true });
    await writeFile(path, content, 'latin1');
    return path;
  }

  at(name: string): string {
    return join(this.path, name);
  }

  async open(name = 'disk.vmdk'): Promise<MappedImage> {
    return openVmdkFile(await OpenFile.open(this.at(name)));
  }

  async [Symbol.asyncDispose](): Promise<void> {
    await rm(this.path, { recursive: true });
  }
}

/**
 * Returns the error of opening or mapping `name`.
 * @throws if neither fails
 */
export async function refusalOf(folder: DiskFolder, name?: string): Promise<Hyper2kvmError> {
  try {
    await using image = await folder.open(name);
    const runs = image.map(0, image.virtualSizeBytes);
    while ((await runs.next()).done !== true);
  } catch (error) {
    if (error instanceof Hyper2kvmError) return error;
    throw error;
  }
  throw new Error('the disk was accepted');
}
