import { dirname, join, resolve } from 'node:path';
import { Hyper2kvmError } from '../../base/errors.ts';
import { InsideFolder } from '../../base/files/inside-folder.ts';
import { readBytes } from '../files/byte-source.ts';
import { withFile } from '../files/file-bytes.ts';
import { HEAD_BYTES, type OvaIndex } from '../tar/ova-index.ts';

/** The location of one file of a package. */
export interface FilePlace {
  path: string;
  /** For an OVA that is compressed as a single gzip stream, the offset in the decompressed tar. */
  offsetBytes: number;
  sizeBytes: number;
  /** The first bytes of the content. */
  head: Uint8Array;
}

/**
 * The place where the files of a package are searched. Names are relative to the descriptor and cannot lead out of the
 * package.
 */
export interface PackagePlace {
  /** For error messages. */
  label: string;
  /** Returns undefined if the file does not exist. */
  find: (name: string) => Promise<FilePlace | undefined>;
}

/**
 * Returns the folder of a descriptor as a place. A link to a file outside the folder is rejected with kind `image`,
 * because a package must not refer to anything outside itself.
 */
export async function folderPlace(descriptorPath: string): Promise<PackagePlace> {
  const folder = dirname(descriptorPath);
  const inside = await InsideFolder.at(folder);
  const find = async (name: string): Promise<FilePlace | undefined> => {
    const found = await inside.find(folder, name);
    if (found === 'missing') return undefined;
    if (found === 'outside') {
      throw new Hyper2kvmError('image', `${join(folder, name)} is a link that points outside the package.`, {
        hint: 'Copy the file itself to the folder of the descriptor.',
      });
    }
    const { path } = found;
    return withFile(path, async (source) => {
      const head = await readBytes(source, HEAD_BYTES);
      return { path, offsetBytes: 0, sizeBytes: source.sizeBytes, head };
    });
  };
  return { label: resolve(folder), find };
}

/**
 * Returns the files of an OVA as a place. `folder` is the folder of the descriptor in the archive: `''`, or a path with
 * a trailing slash.
 */
export function ovaPlace(path: string, folder: string, { entries }: OvaIndex): PackagePlace {
  const find = (name: string): Promise<FilePlace | undefined> => {
    const entry = entries.get(folder + name);
    if (entry === undefined) return Promise.resolve(undefined);
    const { offsetBytes, sizeBytes, head } = entry;
    return Promise.resolve({ path, offsetBytes, sizeBytes, head });
  };
  return { label: path, find };
}
