import { Hyper2kvmError } from '../../base/errors.ts';
import { VsphereFault } from '../soap/fault.ts';
import type { VsphereClient } from '../session/vsphere-client.ts';
import type { MoRef } from '../soap/wsdl-types.ts';
import type { XmlElement } from '../soap/xml-element.ts';

/** A range of a virtual disk. */
export interface DiskArea {
  offsetBytes: number;
  lengthBytes: number;
}

export interface ChangedAreasRequest {
  vm: MoRef;
  /** The state to compare. Undefined only for a VM that is powered off. */
  snapshot: MoRef | undefined;
  /** The key of the disk in the hardware of the snapshot. */
  deviceKey: number;
  /** The state to compare with, from `backing.changeId`; `*` asks for all allocated areas. */
  changeId: string;
  capacityBytes: number;
}

/**
 * Changed block tracking (CBT) cannot answer: the server refused the change ID or does not track the disk, or its answer
 * contradicts itself. All areas of the disk must be read. `reason` is a clause for messages.
 */
export class ChangeTrackingError extends Hyper2kvmError {
  readonly reason: string;

  constructor(reason: string, cause?: unknown) {
    super('transfer', `Changed block tracking cannot be used: ${reason}.`, { cause });
    this.reason = reason;
  }
}

/** Areas start and end at sectors. */
const SECTOR_BYTES = 512;
/** A disk of 62 TiB whose 64 KiB blocks alternate needs 250,000 windows of 2000 areas. */
const MOST_WINDOWS = 1_000_000;

/**
 * Yields the areas of a disk that changed since `changeId`, in order and without overlaps. The areas are complete only
 * when the generator has ended. The server answers one window of the disk at a time.
 * @throws ChangeTrackingError when all areas must be read; other faults, such as `NoPermission`, unchanged.
 */
export async function* queryChangedAreas(
  client: VsphereClient,
  request: ChangedAreasRequest,
  signal: AbortSignal,
): AsyncGenerator<DiskArea, void, undefined> {
  const { capacityBytes } = request;
  let last: DiskArea | undefined;
  let startBytes = 0;
  // A question at the capacity is answered with InvalidArgument.
  for (let windows = 0; startBytes < capacityBytes; windows += 1) {
    if (windows === MOST_WINDOWS) throw new ChangeTrackingError(`the server sent more than ${MOST_WINDOWS} windows`);
    const window = decodeWindow(await askWindow(client, request, startBytes, signal), startBytes, capacityBytes);
    for (const area of window.areas) {
      if (last && area.offsetBytes <= endOf(last)) {
        last = { ...last, lengthBytes: Math.max(endOf(last), endOf(area)) - last.offsetBytes };
      } else {
        if (last) yield last;
        last = area;
      }
    }
    startBytes = window.endBytes;
  }
  if (last) yield last;
}

async function askWindow(
  client: VsphereClient,
  { vm, snapshot, deviceKey, changeId }: ChangedAreasRequest,
  startOffset: number,
  signal: AbortSignal,
): Promise<XmlElement> {
  const args = { _this: vm, ...(snapshot && { snapshot }), deviceKey, startOffset, changeId };
  try {
    const response = await client.call('QueryChangedDiskAreas', args, signal);
    const window = response.find('returnval');
    if (!window) throw new ChangeTrackingError('the server sent an empty answer');
    return window;
  } catch (error) {
    if (!(error instanceof VsphereFault) || isUnrelated(error)) throw error;
    throw new ChangeTrackingError(`the server answered with ${error.faultType}`, error);
  }
}

const UNRELATED = new Set(['NoPermission', 'NotAuthenticated', 'ManagedObjectNotFound']);

/** Faults that say nothing about the tracking of the disk. Servers report lost tracking with many different faults. */
function isUnrelated(fault: VsphereFault): boolean {
  return UNRELATED.has(fault.faultType) || (fault.retryable && fault.faultType !== 'SystemError');
}

/** Checks a `DiskChangeInfo` against the question. An unnoticed gap between two windows would lose data. */
function decodeWindow(
  info: XmlElement,
  askedBytes: number,
  capacityBytes: number,
): { areas: DiskArea[]; endBytes: number } {
  const startBytes = info.numberOf('startOffset');
  const lengthBytes = info.numberOf('length') ?? 0;
  if (startBytes !== askedBytes) {
    return refuse(`it was asked about offset ${askedBytes} and answered about ${startBytes ?? 'none'}`);
  }
  const endBytes = startBytes + lengthBytes;
  if (lengthBytes <= 0) return refuse(`its window at ${startBytes} has a length of ${lengthBytes}`);
  if (endBytes > capacityBytes) return refuse(`its window ends at ${endBytes}, after the disk (${capacityBytes})`);
  const areas = info.all('changedArea').map((area) => {
    const from = area.numberOf('start') ?? -1;
    const to = from + (area.numberOf('length') ?? 0);
    if (from < startBytes || to <= from || to > endBytes) {
      return refuse(`an area from ${from} to ${to} is outside its window, ${startBytes} to ${endBytes}`);
    }
    const offsetBytes = Math.floor(from / SECTOR_BYTES) * SECTOR_BYTES;
    const roundedEnd = Math.min(Math.ceil(to / SECTOR_BYTES) * SECTOR_BYTES, capacityBytes);
    return { offsetBytes, lengthBytes: roundedEnd - offsetBytes };
  });
  return { areas: areas.toSorted((a, b) => a.offsetBytes - b.offsetBytes), endBytes };
}

function refuse(what: string): never {
  throw new ChangeTrackingError(`the server contradicts itself: ${what}`);
}

function endOf({ offsetBytes, lengthBytes }: DiskArea): number {
  return offsetBytes + lengthBytes;
}
