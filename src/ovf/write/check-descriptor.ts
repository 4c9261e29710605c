import { Hyper2kvmError } from '../../base/errors.ts';
import { bytesPerUnit } from '../descriptor/allocation-units.ts';
import { namesOfHref } from '../files/file-href.ts';
import { parseEnvelope, type OvfElement } from '../descriptor/envelope.ts';
import { readItem, RESOURCE } from '../descriptor/items.ts';
import { hardwareItems, systemsOf } from '../descriptor/sections.ts';

/** A file that the descriptor must reference. */
export interface DescribedFile {
  name: string;
  sizeBytes: number;
}

/** The information about one disk in a descriptor; undefined for missing values. */
export interface DescribedDisk {
  diskId: string;
  /** Name of the disk's file; undefined for an empty disk. */
  fileName: string | undefined;
  capacityBytes: number;
  populatedBytes: number | undefined;
}

export interface DescriptorFacts {
  /** In the order of the descriptor, with the names of the files that they were checked against. */
  files: DescribedFile[];
  disks: DescribedDisk[];
}

/**
 * Checks an OVF descriptor (DSP0243) against the files of the package: its References must contain exactly these files,
 * with their sizes. Wrong sizes are a common bug of exports, and importers reject such a package. Document types and
 * entities are rejected.
 * @throws Hyper2kvmError kind `transfer` for a mismatch, or if the text is not an OVF descriptor.
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

/**
 * Checks that the descriptor of a VM of which some disks were left out attaches exactly `count` disks, each with a file.
 * A disk without a file is an empty one, which an importer creates (DSP0243, 9.1).
 * @throws Hyper2kvmError kind `transfer` if it attaches another number of disks.
 */
export function checkPartialDescriptor(text: string, server: string, count: number): void {
  const envelope = parseEnvelope(text, refuse);
  const disks = envelope.children('DiskSection').flatMap((section) => section.children('Disk'));
  const items = systemsOf(envelope).flatMap(({ system }) => hardwareItems(system).map(readItem));
  const drives = items.filter(({ resourceType }) => resourceType === RESOURCE.disk);
  const hasFiles = disks.every((disk) => disk.attribute('fileRef') !== undefined);
  if (hasFiles && disks.length === count && drives.length === count) return;
  throw new Hyper2kvmError(
    'transfer',
    `${server} writes an OVF descriptor that also attaches disks that were left out.`,
    {
      hint: 'Use --format qcow2, --format raw, or --format vmdk.',
    },
  );
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
