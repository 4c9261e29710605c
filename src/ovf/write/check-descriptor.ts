import { Hyper2kvmError } from '../../base/errors.ts';
import { bytesPerUnit } from '../descriptor/allocation-units.ts';
import { namesOfHref } from '../files/file-href.ts';
import { parseEnvelope, type OvfElement } from '../descriptor/envelope.ts';

/** A file that a descriptor must name. */
export interface DescribedFile {
  name: string;
  sizeBytes: number;
}

/** What a descriptor says about one disk; undefined where it does not. */
export interface DescribedDisk {
  diskId: string;
  /** The name of its file; undefined for an empty disk. */
  fileName: string | undefined;
  capacityBytes: number;
  populatedBytes: number | undefined;
}

export interface DescriptorFacts {
  /** As the descriptor orders them, with the names of the files that they were checked against. */
  files: DescribedFile[];
  disks: DescribedDisk[];
}

/**
 * Checks an OVF descriptor (DSP0243) against the files that it goes with: its References must name just these, with their sizes.
 * Wrong sizes are the classic bug of exports, and importers refuse such a package. Throws kind `transfer` when something does not agree or the text is no OVF
 * descriptor; document types and entities are refused.
 */
export function checkDescriptor(text: string, files: readonly DescribedFile[]): DescriptorFacts {
  const envelope = parseEnvelope(text, refuse);
  const references = envelope.children('References').flatMap((section) => section.children('File'));
  const known = new Map(references.map((reference) => [reference.attribute('id'), matchFile(reference, files)]));
  const named = [...known.values()];
  if (known.size !== references.length || new Set(named).size !== named.length) refuse('it names a file twice');
  const missing = files.find((file) => !named.includes(file));
  if (missing !== undefined) refuse(`it does not name ${missing.name}`);
  const disks = envelope.children('DiskSection').flatMap((section) => section.children('Disk'));
  return { files: named, disks: disks.map((disk) => readDisk(disk, known)) };
}

function matchFile(reference: OvfElement, files: readonly DescribedFile[]): DescribedFile {
  const href = reference.attribute('href') ?? refuse('it has a file without a name');
  const file = namesOfHref(href)
    .map((wanted) => files.find(({ name }) => name === wanted))
    .find((found) => found !== undefined);
  if (file === undefined) refuse(`it names ${JSON.stringify(href)}, which was not exported`);
  const size = reference.attribute('size');
  if (size !== undefined && size !== String(file.sizeBytes)) {
    refuse(`it gives ${file.name} a size of ${size} bytes, but the file has ${file.sizeBytes}`);
  }
  return file;
}

function readDisk(disk: OvfElement, files: Map<string | undefined, DescribedFile>): DescribedDisk {
  const diskId = disk.attribute('diskId') ?? refuse('it has a disk without an id');
  const fileRef = disk.attribute('fileRef');
  const file = fileRef === undefined ? undefined : files.get(fileRef);
  if (fileRef !== undefined && file === undefined)
    refuse(`its disk ${diskId} refers to the file ID ${fileRef}, which does not exist`);
  const units = disk.attribute('capacityAllocationUnits');
  const unitBytes = bytesPerUnit(units) ?? refuse(`it counts capacities in the unknown unit ${JSON.stringify(units)}`);
  const capacity = Number(disk.attribute('capacity')) * unitBytes;
  if (!Number.isSafeInteger(capacity) || capacity < 0) refuse(`its disk ${diskId} has no valid capacity`);
  const populated = Number(disk.attribute('populatedSize'));
  return {
    diskId,
    fileName: file?.name,
    capacityBytes: capacity,
    populatedBytes: Number.isSafeInteger(populated) ? populated : undefined,
  };
}

function refuse(what: string): never {
  throw new Hyper2kvmError('transfer', `The OVF descriptor of the server is wrong: ${what}.`, {
    hint: 'Export with --format vmdk to get the disks without a descriptor, and report this with the version of the server.',
  });
}
