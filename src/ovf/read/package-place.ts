import { dirname, join, resolve } from 'node:path';
import { Hyper2kvmError } from '../../base/errors.ts';
import { InsideFolder } from '../../base/files/inside-folder.ts';
import { readBytes } from '../files/byte-source.ts';
import { withFile } from '../files/file-bytes.ts';
import { HEAD_BYTES, type OvaIndex } from '../tar/ova-index.ts';

/** Where the bytes of one file of a package stand. */
export interface FilePlace {
  path: string;
  /** In an OVA that is compressed as a whole: in the tar that it holds. */
  offsetBytes: number;
  sizeBytes: number;
  /** What its content starts with. */
  head: Uint8Array;
}

/** Where a package's files are looked for, by names relative to its descriptor that cannot lead out of it. */
export interface PackagePlace {
  /** For errors. */
  label: string;
  /** Undefined when there is no such file. */
  find: (name: string) => Promise<FilePlace | undefined>;
}

/** The folder of a descriptor. A link in it that leads elsewhere is refused with kind `image`: a package may name nothing outside of itself. */
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

/** The files of an OVA, for a descriptor in the archive's folder `folder` (`''` or with a slash at its end). */
export function ovaPlace(path: string, folder: string, { entries }: OvaIndex): PackagePlace {
  const find = (name: string): Promise<FilePlace | undefined> => {
    const entry = entries.get(folder + name);
    if (entry === undefined) return Promise.resolve(undefined);
    const { offsetBytes, sizeBytes, head } = entry;
    return Promise.resolve({ path, offsetBytes, sizeBytes, head });
  };
  return { label: path, find };
}
