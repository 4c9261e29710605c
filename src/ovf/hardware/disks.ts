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
  /** Of its Disk element; undefined for a drive that refers to none. */
  diskId: string | undefined;
  /** The drive's, as people call it: `Hard disk 1`. */
  label: string;
  /** Undefined for a disk that is to be made empty. */
  file: OvfFile | undefined;
  /** The disk's size as the guest sees it: a claim where there is a file. Undefined when only the file can tell; never for an empty disk. */
  capacityBytes: number | undefined;
  populatedBytes: number | undefined;
  /** A URI, which names the format of the disk's file: a claim, to be checked against its content. */
  format: string | undefined;
}

export interface OvfCdRom {
  /** The image in it; undefined when it is empty or the host's. */
  file: OvfFile | undefined;
}

interface DiskSources {
  envelope: OvfElement;
  /** The devices of the chosen configuration. */
  items: readonly OvfItem[];
  /** Those of the others. */
  ofOthers: readonly OvfItem[];
  files: readonly OvfFile[];
  properties: Properties;
  /** Instance IDs. */
  bootOrder: readonly string[];
}

/** vSphere gives a machine at most 256 disks (version 9); the limit keeps the work on a hostile descriptor small. */
const MOST_DISKS = 4096;

/** One disk for each drive that holds one, ordered by bus, controller and unit; and sentences about what is left out. */
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
    // Disks without a file are made empty, each drive its own (DSP0243, 9.1); the content of one file belongs to one drive.
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

/** The CD-ROM drives, in order. */
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

/** What a drive holds. A drive without a reference is an empty disk of its own capacity; undefined when it gives none. */
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
  // `ovf:/file/ID` without a Disk element: only the file tells how large the disk is.
  const file = files.find(({ id, href }) => id === fileId || href === fileId);
  if (file !== undefined) return { diskId: undefined, file, capacityBytes: undefined, ...unknown };
  return refuse(`its drive ${JSON.stringify(item.label)} holds ${JSON.stringify(resource)}, which is not there`);
}

/** CIM gives the size of a drive as its quantity. */
function capacityOfDrive(item: OvfItem): number | undefined {
  const unitBytes = bytesPerUnit(item.field('VirtualQuantityUnits') ?? item.field('AllocationUnits'));
  const quantity = wholeNumber(item.field('VirtualQuantity'));
  // CIM's default quantity of a drive is 1, of no unit: that is a count of drives and no size.
  if (unitBytes === undefined || quantity === undefined || quantity * unitBytes < 512) return undefined;
  return Number.isSafeInteger(quantity * unitBytes) ? quantity * unitBytes : undefined;
}

/** A sentence for each disk of the package that no VM holds, or this one only in another configuration. */
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
