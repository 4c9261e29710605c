import type { VmDisk } from '../../base/vm-config.ts';
import { bytesPerUnit } from '../descriptor/allocation-units.ts';
import { readDiskSection, referenceIn, type DiskEntry } from './disk-section.ts';
import { busOrder, readControllers } from './controllers.ts';
import type { OvfElement, RefuseDescriptor } from '../descriptor/envelope.ts';
import { readItem, RESOURCE, type OvfItem } from '../descriptor/items.ts';
import type { Properties } from '../descriptor/properties.ts';
import type { OvfFile } from '../descriptor/references.ts';
import { hardwareItems, systemsOf, wholeNumber } from '../descriptor/sections.ts';

/** A hard disk of the VM. */
export interface OvfDisk extends VmDisk {
  /** ID of its Disk element; undefined for a drive that does not reference one. */
  diskId: string | undefined;
  /** Display name of the drive: `Hard disk 1`. */
  label: string;
  /** Undefined for a disk that is created empty. */
  file: OvfFile | undefined;
  /**
   * Virtual size of the disk. Unverified if there is a file. Undefined if only the file contains the size; always
   * defined for an empty disk.
   */
  capacityBytes: number | undefined;
  populatedBytes: number | undefined;
  /** A URI that identifies the format of the disk's file. Unverified: the content must be checked. */
  format: string | undefined;
}

export interface OvfCdRom {
  /** The image in the drive; undefined if the drive is empty or uses a device of the host. */
  file: OvfFile | undefined;
}

interface DiskSources {
  envelope: OvfElement;
  /** The devices of the chosen configuration. */
  items: readonly OvfItem[];
  /** The devices of the other configurations. */
  ofOthers: readonly OvfItem[];
  files: readonly OvfFile[];
  properties: Properties;
  /** Instance IDs of the boot devices, in boot order. */
  bootOrder: readonly string[];
}

/**
 * vSphere allows at most 256 disks per VM (version 9). The limit bounds the work that a hostile descriptor can cause.
 */
const MOST_DISKS = 4096;

/**
 * Returns one disk for each drive that contains one, ordered by bus, controller and unit, and warnings about what is
 * left out.
 */
export function attachDisks(sources: DiskSources, refuse: RefuseDescriptor): { disks: OvfDisk[]; warnings: string[] } {
  const { envelope, items, files, properties, bootOrder } = sources;
  const { entries, warnings } = readDiskSection(envelope, files, properties, refuse);
  const drives = items.filter(({ resourceType }) => isDisk(resourceType));
  if (entries.size > MOST_DISKS || drives.length > MOST_DISKS) {
    refuse(`it has ${Math.max(entries.size, drives.length)} disks, more than a VM can have`);
  }
  const controllers = readControllers(items);
  const taken = new Set<OvfFile>();
  const disks = drives.flatMap((item): OvfDisk[] => {
    const held = contentOf(item, entries, files, refuse);
    if (held === undefined) {
      warnings.push(`The drive ${JSON.stringify(item.label)} has neither a disk nor a capacity and is ignored.`);
      return [];
    }
    // Each drive without a file gets its own empty disk (DSP0243, 9.1). A file can belong to only one drive.
    if (held.file !== undefined && taken.has(held.file)) refuse(`two of its drives hold ${nameOfContent(held)}`);
    if (held.file !== undefined) taken.add(held.file);
    const { ovirtController, ...content } = held;
    const place = bootOrder.indexOf(item.instanceId);
    const ovirtPlace = wholeNumber(item.element.children('BootOrder')[0]?.text()) || undefined;
    return [
      {
        ...content,
        label: item.label,
        controller: controllers.get(item.field('Parent') ?? '') ?? ovirtController,
        unitNumber: wholeNumber(item.field('AddressOnParent')),
        bootOrder: place < 0 ? ovirtPlace : place + 1,
      },
    ];
  });
  const ordered = disks.toSorted(
    (a, b) => busOrder(a.controller) - busOrder(b.controller) || addressOf(a) - addressOf(b) || unitOf(a) - unitOf(b),
  );
  return { disks: ordered, warnings: [...warnings, ...leftOut(sources, entries, ordered)] };
}

/** Returns the CD-ROM drives in order. */
export function readCdRoms(items: readonly OvfItem[], files: readonly OvfFile[], refuse: RefuseDescriptor): OvfCdRom[] {
  return items
    .filter(({ resourceType }) => resourceType === RESOURCE.cd || resourceType === RESOURCE.dvd)
    .map((item) => {
      const id = referenceIn(item.field('HostResource'), 'file');
      if (id === undefined) return { file: undefined };
      return {
        file:
          files.find((file) => file.id === id) ?? refuse(`its CD-ROM contains the file ID ${id}, which does not exist`),
      };
    });
}

const DISK_TYPES: ReadonlySet<number | undefined> = new Set([
  RESOURCE.disk,
  RESOURCE.storageExtent,
  RESOURCE.logicalDisk,
]);
const REMOVABLE_TYPES: ReadonlySet<number | undefined> = new Set([RESOURCE.floppy, RESOURCE.cd, RESOURCE.dvd]);

function isDisk(resourceType: number | undefined): boolean {
  return DISK_TYPES.has(resourceType);
}

/**
 * Returns the content of a drive. A drive without a reference contains an empty disk of the drive's capacity. Undefined
 * if it has no capacity either.
 */
function contentOf(
  item: OvfItem,
  entries: ReadonlyMap<string, DiskEntry>,
  files: readonly OvfFile[],
  refuse: RefuseDescriptor,
): DiskEntry | undefined {
  const resource = item.field('HostResource');
  const unknown = { populatedBytes: undefined, format: undefined, ovirtController: undefined };
  if (resource === undefined) {
    const capacityBytes = capacityOfDrive(item);
    return capacityBytes === undefined ? undefined : { diskId: undefined, file: undefined, capacityBytes, ...unknown };
  }
  const fileId = referenceIn(resource, 'file') ?? resource;
  const entry =
    entries.get(idIn(item) ?? '') ??
    [...entries.values()].find(({ file }) => file !== undefined && (file.id === fileId || file.href === fileId));
  if (entry !== undefined) return entry;
  // For `ovf:/file/ID` without a Disk element, only the file contains the size of the disk.
  const file = files.find(({ id, href }) => id === fileId || href === fileId);
  if (file !== undefined) return { diskId: undefined, file, capacityBytes: undefined, ...unknown };
  return refuse(`its drive ${JSON.stringify(item.label)} holds ${JSON.stringify(resource)}, which is not there`);
}

/** In CIM, the quantity of a drive is its size. */
function capacityOfDrive(item: OvfItem): number | undefined {
  const unitBytes = bytesPerUnit(item.field('VirtualQuantityUnits') ?? item.field('AllocationUnits'));
  const quantity = wholeNumber(item.field('VirtualQuantity'));
  // CIM's default quantity is 1 without a unit. That is the number of drives, not a size.
  if (unitBytes === undefined || quantity === undefined || quantity * unitBytes < 512) return undefined;
  return Number.isSafeInteger(quantity * unitBytes) ? quantity * unitBytes : undefined;
}

/**
 * Returns a warning for each disk of the package that no VM uses, or that this VM uses only in another configuration.
 */
function leftOut(
  { envelope, ofOthers }: DiskSources,
  entries: ReadonlyMap<string, DiskEntry>,
  attached: readonly OvfDisk[],
): string[] {
  const ids = new Set(attached.map(({ diskId }) => diskId));
  const loose = [...entries].filter(([id]) => !ids.has(id));
  if (loose.length === 0) return [];
  const everything = systemsOf(envelope).flatMap(({ system }) => hardwareItems(system).map(readItem));
  const drivesOfAll = everything.filter(
    ({ resourceType }) => isDisk(resourceType) || REMOVABLE_TYPES.has(resourceType),
  );
  const held = new Set(drivesOfAll.map(idIn));
  const drives = ofOthers.filter(({ resourceType }) => isDisk(resourceType));
  return loose.flatMap(([id, entry]) => {
    const name = nameOfContent(entry);
    const configurations = drives.filter((item) => idIn(item) === id).flatMap((item) => item.configurations);
    if (configurations.length > 0) {
      const names = [...new Set(configurations)].map((each) => JSON.stringify(each)).join(', ');
      return `${capitalized(name)} belongs to another configuration (${names}) and is not converted; --configuration selects one.`;
    }
    return held.has(id) ? [] : `${capitalized(name)} is not in a drive of a VM and is not converted.`;
  });
}

function idIn(item: OvfItem): string | undefined {
  const resource = item.field('HostResource');
  return referenceIn(resource, 'disk') ?? resource;
}

function nameOfContent({ diskId, file }: Pick<OvfDisk, 'diskId' | 'file'>): string {
  const href = file === undefined ? '' : JSON.stringify(file.href);
  if (diskId === undefined) return `the file ${href}`;
  return `the disk ${diskId}${file === undefined ? '' : ` (${href})`}`;
}

function capitalized(text: string): string {
  return text.charAt(0).toUpperCase() + text.slice(1);
}

function addressOf({ controller }: OvfDisk): number {
  return controller?.address ?? 0;
}

function unitOf({ unitNumber }: OvfDisk): number {
  return unitNumber ?? 0;
}
