import type { VmController } from '../../base/vm-config.ts';
import { bytesPerUnit } from '../descriptor/allocation-units.ts';
import { ovirtController } from './controllers.ts';
import type { OvfElement, RefuseDescriptor } from '../descriptor/envelope.ts';
import type { Properties } from '../descriptor/properties.ts';
import type { OvfFile } from '../descriptor/references.ts';
import { sectionsOf, wholeNumber } from '../descriptor/sections.ts';

/** A `Disk` element, independent of the drive that uses it. */
export interface DiskEntry {
  /** Undefined for the content of a drive without a Disk element. */
  diskId: string | undefined;
  file: OvfFile | undefined;
  /** Undefined only if there is a file. */
  capacityBytes: number | undefined;
  populatedBytes: number | undefined;
  format: string | undefined;
  /** The controller from the disk itself: oVirt does not list controllers. */
  ovirtController: VmController | undefined;
}

/** Returns the disks of the DiskSection by ID, and warnings about ignored values. */
export function readDiskSection(
  envelope: OvfElement,
  files: readonly OvfFile[],
  properties: Properties,
  refuse: RefuseDescriptor,
): { entries: Map<string, DiskEntry>; warnings: string[] } {
  const entries = new Map<string, DiskEntry>();
  const warnings: string[] = [];
  const seen = new Set<OvfFile>();
  for (const element of sectionsOf(envelope, 'DiskSection').flatMap((section) => section.children('Disk'))) {
    const diskId = element.attribute('diskId') ?? refuse('it has a disk without an id');
    if (entries.has(diskId)) refuse(`it has the disk ${diskId} twice`);
    const file = fileOf(element, diskId, files, refuse);
    if (file !== undefined && seen.has(file)) refuse(`its disk ${diskId} has the same file as another disk`);
    if (file !== undefined) seen.add(file);
    const capacityBytes = capacityOf(element, properties);
    if (capacityBytes === undefined) {
      if (file === undefined) refuse(`its disk ${diskId} has no valid capacity`);
      warnings.push(`The descriptor gives the disk ${diskId} no valid capacity: the capacity of its file is used.`);
    }
    entries.set(diskId, {
      diskId,
      file,
      capacityBytes,
      populatedBytes: wholeNumber(element.attribute('populatedSize')),
      format: element.attribute('format') || undefined,
      ovirtController: ovirtController(element.attribute('disk-interface')),
    });
  }
  return { entries, warnings };
}

/**
 * Returns the ID in `ovf:/disk/ID` or `ovf:/file/ID` (DSP0243, 8.3). VirtualBox omits the scheme, early writers used
 * two slashes, and OVF 0.9 had neither scheme nor slash. oVirt writes only the ID.
 */
export function referenceIn(resource: string | undefined, kind: 'disk' | 'file'): string | undefined {
  const [, found, id] = /^(?:(?:ovf:)?\/{1,2})?(disk|file)\/(.+)$/.exec(resource ?? '') ?? [];
  return found === kind ? id : undefined;
}

function fileOf(
  element: OvfElement,
  diskId: string,
  files: readonly OvfFile[],
  refuse: RefuseDescriptor,
): OvfFile | undefined {
  // DSP0243, 9.1: such a disk contains only the differences to another one, in a format that no specification defines.
  if (element.attribute('parentRef')) refuse(`its disk ${diskId} depends on another disk (parentRef)`);
  const fileRef = element.attribute('fileRef') || undefined;
  if (fileRef === undefined) return undefined;
  return (
    files.find(({ id, href }) => id === fileRef || href === fileRef) ??
    refuse(`its disk ${diskId} refers to the file ID ${fileRef}, which does not exist`)
  );
}

/**
 * Parses a number, or the default of a property: `${disksize}` (DSP0243, 9.1). The older format of oVirt has a size in
 * GiB instead.
 */
function capacityOf(element: OvfElement, properties: Properties): number | undefined {
  const units = element.attribute('capacityAllocationUnits');
  const capacity = element.attribute('capacity');
  const unitBytes = capacity === undefined ? 2 ** 30 : bytesPerUnit(units === '' ? undefined : units);
  const quantity = wholeNumber(properties.resolve(capacity ?? element.attribute('size')));
  if (unitBytes === undefined || quantity === undefined) return undefined;
  const bytes = quantity * unitBytes;
  return Number.isSafeInteger(bytes) ? bytes : undefined;
}
