import { bytesPerUnit } from './allocation-units.ts';
import { busOrder, ovirtController, readControllers, type OvfController } from './ovf-controllers.ts';
import type { OvfElement, RefuseDescriptor } from './ovf-envelope.ts';
import { RESOURCE, type OvfItem } from './ovf-items.ts';
import type { OvfFile } from './ovf-references.ts';
import { sectionsOf, wholeNumber } from './ovf-sections.ts';

export interface OvfDisk {
  diskId: string;
  /** Undefined for a disk that is to be made empty. */
  file: OvfFile | undefined;
  /** The disk's size as the guest sees it. */
  capacityBytes: number;
  populatedBytes: number | undefined;
  /** A URI, which names the format of the disk's file: a claim, to be checked against its content. */
  format: string | undefined;
  /** Undefined when the machine does not hold the disk, or by no controller that is known. */
  controller: OvfController | undefined;
  /** Its place on the controller. */
  unitNumber: number | undefined;
  /** From 1; undefined when the descriptor does not say that the machine boots from it. */
  bootOrder: number | undefined;
}

export interface OvfCdRom {
  /** The image in it; undefined when it is empty or the host's. */
  file: OvfFile | undefined;
}

interface DiskSources {
  envelope: OvfElement;
  items: readonly OvfItem[];
  files: readonly OvfFile[];
  /** Instance IDs. */
  bootOrder: readonly string[];
}

/** vSphere gives a machine at most 256 disks (version 9); the limit keeps the work on a hostile descriptor small. */
const MOST_DISKS = 4096;

/** The disks of the DiskSection with the places where the machine holds them, ordered by bus, controller and unit. */
export function attachDisks({ envelope, items, files, bootOrder }: DiskSources, refuse: RefuseDescriptor): OvfDisk[] {
  const elements = sectionsOf(envelope, 'DiskSection').flatMap((section) => section.children('Disk'));
  if (elements.length > MOST_DISKS) refuse(`it has ${elements.length} disks, more than any machine`);
  const disks = new Map<string, OvfDisk>();
  for (const element of elements) {
    const disk = readDisk(element, files, refuse);
    if (disks.has(disk.diskId)) refuse(`it has the disk ${disk.diskId} twice`);
    disks.set(disk.diskId, disk);
  }
  requireOwnFiles(disks.values(), refuse);
  const controllers = readControllers(items);
  const attached = new Set<OvfDisk>();
  for (const item of items.filter(({ resourceType }) => isDisk(resourceType))) {
    const disk = diskOf(item, disks, refuse);
    if (attached.has(disk)) refuse(`two of its drives hold the disk ${disk.diskId}`);
    attached.add(disk);
    disk.controller = controllers.get(item.field('Parent') ?? '') ?? disk.controller;
    disk.unitNumber = wholeNumber(item.field('AddressOnParent'));
    const place = bootOrder.indexOf(item.instanceId);
    const ovirt = wholeNumber(item.element.children('BootOrder')[0]?.text()) || undefined;
    disk.bootOrder = place < 0 ? ovirt : place + 1;
  }
  // What no drive holds still came with the package: it is kept.
  return [...attached, ...[...disks.values()].filter((disk) => !attached.has(disk))].toSorted(
    (a, b) => busOrder(a.controller) - busOrder(b.controller) || addressOf(a) - addressOf(b) || unitOf(a) - unitOf(b),
  );
}

/** The CD-ROM drives, in order. */
export function readCdRoms(items: readonly OvfItem[], files: readonly OvfFile[], refuse: RefuseDescriptor): OvfCdRom[] {
  return items
    .filter(({ resourceType }) => resourceType === RESOURCE.cd || resourceType === RESOURCE.dvd)
    .map((item) => {
      const id = referenceIn(item.field('HostResource'), 'file');
      if (id === undefined) return { file: undefined };
      return {
        file: files.find((file) => file.id === id) ?? refuse(`its CD-ROM holds the file id ${id}, which is not there`),
      };
    });
}

function isDisk(resourceType: number | undefined): boolean {
  return resourceType === RESOURCE.disk || resourceType === RESOURCE.logicalDisk;
}

function readDisk(element: OvfElement, files: readonly OvfFile[], refuse: RefuseDescriptor): OvfDisk {
  const diskId = element.attribute('diskId') ?? refuse('it has a disk without an id');
  // DSP0243, 9.1: such a disk holds only what differs from another one, in a format that nobody specified.
  if (element.attribute('parentRef')) refuse(`its disk ${diskId} depends on another disk (parentRef)`);
  const fileRef = element.attribute('fileRef') || undefined;
  const file = files.find(({ id, href }) => id === fileRef || href === fileRef);
  if (fileRef !== undefined && file === undefined) {
    refuse(`its disk ${diskId} refers to the file id ${fileRef}, which is not there`);
  }
  return {
    diskId,
    file,
    capacityBytes: capacityOf(element) ?? refuse(`its disk ${diskId} has no valid capacity`),
    populatedBytes: wholeNumber(element.attribute('populatedSize')),
    format: element.attribute('format') || undefined,
    controller: ovirtController(element.attribute('disk-interface')),
    unitNumber: undefined,
    bootOrder: undefined,
  };
}

/** oVirt's older form has a size in GiB instead. */
function capacityOf(element: OvfElement): number | undefined {
  const units = element.attribute('capacityAllocationUnits');
  const capacity = element.attribute('capacity');
  const unitBytes = capacity === undefined ? 2 ** 30 : bytesPerUnit(units === '' ? undefined : units);
  const quantity = wholeNumber(capacity ?? element.attribute('size'));
  if (unitBytes === undefined || quantity === undefined) return undefined;
  const bytes = quantity * unitBytes;
  return Number.isSafeInteger(bytes) ? bytes : undefined;
}

function requireOwnFiles(disks: Iterable<OvfDisk>, refuse: RefuseDescriptor): void {
  const seen = new Set<OvfFile>();
  for (const { diskId, file } of disks) {
    if (file === undefined) continue;
    if (seen.has(file)) refuse(`its disk ${diskId} has the same file as another disk`);
    seen.add(file);
  }
}

function diskOf(item: OvfItem, disks: ReadonlyMap<string, OvfDisk>, refuse: RefuseDescriptor): OvfDisk {
  const resource = item.field('HostResource') ?? refuse(`its drive ${JSON.stringify(item.label)} names no disk`);
  const fileId = referenceIn(resource, 'file') ?? resource;
  const disk =
    disks.get(referenceIn(resource, 'disk') ?? resource) ??
    [...disks.values()].find(({ file }) => file?.id === fileId || file?.href === fileId);
  return (
    disk ?? refuse(`its drive ${JSON.stringify(item.label)} holds ${JSON.stringify(resource)}, which is not there`)
  );
}

/** DSP0243, 8.3: `ovf:/disk/ID` and `ovf:/file/ID`; VirtualBox leaves out the scheme, early writers had two slashes. oVirt gives a bare name. */
function referenceIn(resource: string | undefined, kind: 'disk' | 'file'): string | undefined {
  const [, found, id] = /^(?:ovf:)?\/{1,2}(disk|file)\/(.+)$/.exec(resource ?? '') ?? [];
  return found === kind ? id : undefined;
}

function addressOf({ controller }: OvfDisk): number {
  return controller?.address ?? 0;
}

function unitOf({ unitNumber }: OvfDisk): number {
  return unitNumber ?? 0;
}
