import { Hyper2kvmError } from '../../base/errors.ts';
import { readBytes } from '../files/byte-source.ts';
import { withFile } from '../files/file-bytes.ts';
import { unfitName } from '../files/file-href.ts';
import { folderPlace } from '../read/package-place.ts';
import { readVmx, type VmxFacts } from './vmx-facts.ts';
import { MOST_VMX_BYTES } from './vmx-text.ts';

/** A machine of a `.vmx`: what it says, and where the descriptors of its disks are. Nothing stays open. */
export interface VmxMachine {
  facts: VmxFacts;
  /** One for each disk of the facts, in their order, without links. */
  diskPaths: string[];
}

/** Opens a `.vmx` with the disks beside it. Throws kind `image` for one that is not there, or is anywhere else than in the folder of the `.vmx`, through links neither. */
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
