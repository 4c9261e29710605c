import { readdir } from 'node:fs/promises';
import { basename, dirname, join } from 'node:path';
import { OpenFile } from '../../file/open-file.ts';
import { isDescriptor, MAX_DESCRIPTOR_BYTES, parseDescriptor } from './descriptor.ts';

/** More descriptors than a VM has with all its snapshots. Limits the search in a folder of many VMs. */
const MOST_DESCRIPTORS = 1000;
const HEAD_BYTES = 512;

/**
 * Returns the descriptor that names the extent at `path` and is in the same folder. Undefined if there is none, or if
 * the folder cannot be read.
 */
export async function descriptorBeside(path: string): Promise<string | undefined> {
  const folder = dirname(path);
  const own = basename(path);
  const names = await readdir(folder).catch(() => []);
  const candidates = names.filter((name) => /\.vmdk$/i.test(name) && name !== own).toSorted();
  for (const name of candidates.slice(0, MOST_DESCRIPTORS)) {
    const found = join(folder, name);
    if (await namesExtent(found, own)) return found;
  }
  return undefined;
}

/**
 * Returns false also for a file that cannot be read or parsed. The descriptor only improves an error message and is not
 * opened as an image.
 */
async function namesExtent(path: string, extent: string): Promise<boolean> {
  try {
    await using file = await OpenFile.open(path, { asParent: true });
    if (file.sizeBytes > MAX_DESCRIPTOR_BYTES || !isDescriptor(await file.read(0, HEAD_BYTES))) return false;
    const { extents } = parseDescriptor(await file.read(0, file.sizeBytes), (_at, what) => {
      throw new Error(what);
    });
    return extents.some(({ name }) => name !== undefined && [name.bytes.toString(), name.text].includes(extent));
  } catch {
    return false;
  }
}
