import { Hyper2kvmError } from '../../../base/errors.ts';
import { formatCount } from '../../../base/text/amounts.ts';
import type { LeaseDevice, LeaseManifestEntry } from '../../../vsphere/lease/nfc-lease.ts';
import type { DiskPlace, VirtualDisk } from '../../../vsphere/vm/virtual-disk.ts';
import type { SourceFile } from './disk-source.ts';
import type { ManifestEntry } from './manifest.ts';

/**
 * The files of a lease that are exported: the selected disks in hardware order, then the NVRAM. Does not use the
 * server's own file names (`targetId`). Leaves out CD-ROM and floppy images. The lease may offer the disks in `leftOut`,
 * which were not selected, or not: a server can refuse to export them.
 * @throws Hyper2kvmError when the lease does not offer exactly these disks of the VM, or when the assignment of entries
 * to disks is ambiguous.
 */
export function leaseFiles(
  devices: readonly LeaseDevice[],
  disks: readonly VirtualDisk[],
  leftOut: readonly VirtualDisk[] = [],
): SourceFile[] {
  const offered = devices.filter((device) => device.isDisk);
  if (offered.length < disks.length || offered.length > disks.length + leftOut.length) {
    throw new Hyper2kvmError(
      'transfer',
      `The lease offers ${formatCount(offered.length, 'disk')}; the hardware of the VM has ${disks.length + leftOut.length}.`,
      { hint: 'Check the settings of the VM for disks that cannot be exported: independent, shared or mapped ones.' },
    );
  }
  const matched = matchDisks(disks, leftOut, offered);
  const files = matched.map(({ disk, device }) => ({
    key: device.key,
    kind: 'disk' as const,
    capacityBytes: disk.capacityBytes,
  }));
  const nvram = devices.find((device) => !device.isDisk && device.isNvram);
  return nvram ? [...files, { key: nvram.key, kind: 'nvram', capacityBytes: nvram.fileSizeBytes }] : files;
}

/** Converts an entry of the lease's manifest. `checksum` exists since 6.7; earlier servers return only `sha1`. */
export function manifestEntryOf({ key, sizeBytes, checksum, checksumType, sha1 }: LeaseManifestEntry): ManifestEntry {
  const algorithm = (['sha256', 'sha1'] as const).find((known) => known === checksumType.replace('-', ''));
  if (checksum && algorithm !== undefined) return { key, sizeBytes, digest: { algorithm, hex: checksum } };
  return { key, sizeBytes, digest: sha1 ? { algorithm: 'sha1', hex: sha1 } : undefined };
}

interface MatchedDisk {
  disk: VirtualDisk;
  device: LeaseDevice;
}

/**
 * How the number after the class name in a lease key counts controllers. vCenter uses the bus number; some servers use
 * the index among controllers of the class.
 */
const COUNTS = [({ busNumber }: DiskPlace) => busNumber, ({ indexInType }: DiskPlace) => indexInType];

/**
 * Finds the lease entry of each disk by the end of the entry's key, such as `ParaVirtualSCSIController0:1`. One
 * numbering must fit all disks and all entries. The server's own order of the disks decides only when no key fits any
 * disk and the lease offers all disks: a simulator numbers disks instead (`/vm-68/disk:0`).
 */
function matchDisks(
  disks: readonly VirtualDisk[],
  leftOut: readonly VirtualDisk[],
  offered: readonly LeaseDevice[],
): MatchedDisk[] {
  const all = [...disks, ...leftOut];
  let doesAnyFit = false;
  for (const count of COUNTS) {
    const fitting = all.map((disk) => ({ disk, devices: offered.filter(({ key }) => isKeyOf(key, disk, count)) }));
    doesAnyFit ||= fitting.some(({ devices }) => devices.length > 0);
    const matched = fitting.flatMap(({ disk, devices }) =>
      devices.length === 1 ? devices.map((device) => ({ disk, device })) : [],
    );
    const selected = matched.filter(({ disk }) => disks.includes(disk));
    const isComplete = selected.length === disks.length && matched.length === offered.length;
    if (isComplete && areDistinct(matched)) return selected;
  }
  const inListOrder = all.toSorted((a, b) => a.listIndex - b.listIndex);
  const matched = all.flatMap((disk) => {
    const device = offered[inListOrder.indexOf(disk)];
    return device === undefined ? [] : [{ disk, device }];
  });
  if (doesAnyFit || offered.length !== all.length || !areDistinct(matched)) throw notCertain(all, offered);
  return matched.filter(({ disk }) => disks.includes(disk));
}

function areDistinct(matched: readonly MatchedDisk[]): boolean {
  return new Set(matched.map(({ device }) => device.key)).size === matched.length;
}

function isKeyOf(key: string, { place }: VirtualDisk, count: (place: DiskPlace) => number): boolean {
  const [, type = '', number, unit] = /(?:^|\/)([a-z][^/]*?)(\d{1,6}):(\d{1,6})$/i.exec(key) ?? [];
  if (place === undefined || plainClass(type) !== plainClass(place.controllerType)) return false;
  return Number(number) === count(place) && Number(unit) === place.unitNumber;
}

/** Some servers write `PVSCSIController` for `ParaVirtualSCSIController` in keys. */
function plainClass(type: string): string {
  return type
    .toLowerCase()
    .replace(/^paravirtual/, 'pv')
    .replace(/^virtual/, '');
}

function notCertain(disks: readonly VirtualDisk[], offered: readonly LeaseDevice[]): Hyper2kvmError {
  const keys = offered.map(({ key }) => key).join(', ');
  const places = disks.map(({ label, address }) => `${label} at ${address}`).join(', ');
  return new Hyper2kvmError(
    'transfer',
    `The lease does not identify its disks: it offers ${keys}; the VM has ${places}.`,
    { hint: 'Export the VM as an OVF with another tool, or report this with the keys above.' },
  );
}
