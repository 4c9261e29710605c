import { Hyper2kvmError } from '../../base/errors.ts';
import { readBytes } from '../files/byte-source.ts';
import { withFile } from '../files/file-bytes.ts';
import { unfitName } from '../files/file-href.ts';
import { folderPlace } from '../read/package-place.ts';
import { readVmx, type VmxFacts } from './vmx-facts.ts';
import { MOST_VMX_BYTES } from './vmx-text.ts';

/** A VM from a `.vmx` file: its configuration, and the paths of its disk descriptors. Holds no open files. */
export interface VmxMachine {
  facts: VmxFacts;
  /** One path for each disk of `facts`, in the same order, with links resolved. */
  diskPaths: string[];
}

/**
 * Opens a `.vmx` file and locates its disks.
 * @throws Hyper2kvmError kind `image` for a disk that does not exist or is outside the folder of the `.vmx`, also
 * through a link.
 */
export async function openVmx(path: string): Promise<VmxMachine> {
  const bytes = await withFile(path, (source) => readBytes(source, MOST_VMX_BYTES + 1));
  const facts = readVmx(bytes, path);
  const folder = await folderPlace(path);
  const diskPaths: string[] = [];
  for (const { place, fileName } of facts.disks) {
    const shown = `The disk ${place} of ${path} is ${JSON.stringify(fileName.slice(0, 200))}, which`;
    const fault = unfitName(fileName);
    if (fault !== undefined) throw wrong(`${shown} ${fault}`);
    const found = await folder.find(fileName);
    if (found === undefined) throw wrong(`${shown} does not exist`);
    if (diskPaths.includes(found.path)) throw wrong(`${shown} is already used by another of its disks`);
    diskPaths.push(found.path);
  }
  return { facts, diskPaths };
}

function wrong(what: string): Hyper2kvmError {
  return new Hyper2kvmError('image', `${what}.`, {
    hint: 'Files outside the folder of the .vmx are not read: move all disks there, and name them without a path.',
  });
}
