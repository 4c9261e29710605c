import { formatBytes, formatDuration } from '../../base/text/amounts.ts';
import { missingPrivileges } from '../../vsphere/inventory/privileges.ts';
import { isFault } from '../../vsphere/soap/fault.ts';
import type { MoRef } from '../../vsphere/soap/wsdl-types.ts';
import { ChangeTrackingError, queryChangedAreas } from '../../vsphere/vm/changed-areas.ts';
import { enableChangeTracking, readChangeTracking } from '../../vsphere/vm/change-tracking.ts';
import type { RoundDisk } from './fetch-round.ts';
import { AreaList } from './replica/area-list.ts';
import type { DiskTask } from './replica/replica.ts';
import type { RoundScope } from './scope.ts';

const ENABLE_PRIVILEGE = 'VirtualMachine.Config.ChangeTracking';

/** A snapshot more than this would leave no room for one of a backup program. */
const MOST_SNAPSHOTS = 29;

/** Whether changed block tracking can be used for the disks of a VM. */
export interface VmTracking {
  /** Why not, as a clause. */
  refusal?: string;
  /** It was switched on. */
  isNew?: true;
}

/** Switches on changed block tracking if necessary. To be called before the snapshot of the round. */
export async function prepareTracking(scope: RoundScope, signal: AbortSignal): Promise<VmTracking> {
  const { client, vm, facts, options, replica, warn, step } = scope;
  if (!options.tracking) return { refusal: '--no-cbt is given' };
  const tracking = await readChangeTracking(client, facts.ref, signal);
  if (facts.snapshots.length > MOST_SNAPSHOTS) {
    warn(`${vm} has ${facts.snapshots.length} snapshots. A chain holds at most 32, and sync needs one.`);
  }
  if (tracking.enabled) return {};
  if (!tracking.supported) {
    const version = tracking.hardwareVersion || 'unknown';
    return { refusal: `the VM does not support changed block tracking (hardware version ${version})` };
  }
  if (facts.snapshots.length > 0) {
    return { refusal: 'changed block tracking cannot be switched on while the VM has snapshots; remove them first' };
  }
  const missing = await missingPrivileges(client, facts.ref, [ENABLE_PRIVILEGE], signal);
  if (missing.length > 0) {
    return { refusal: `the account lacks ${ENABLE_PRIVILEGE}, which switches on changed block tracking` };
  }
  step('preflight', `Switching on changed block tracking for ${vm}`);
  try {
    await enableChangeTracking(client, facts.ref, signal);
  } catch (error) {
    if (!isFault(error, 'InvalidState', 'NotSupported')) throw error;
    return { refusal: 'the server refuses to switch on changed block tracking' };
  }
  await replica.update({ enabledTracking: true });
  return { isNew: true };
}

/** Why the changed areas do not matter over the lease. */
export const LEASE = 'an export lease sends complete disks';

/** How the disks of a round are read. */
export interface Reading extends RoundDisk {
  /** Why everything is read, as a clause; undefined when only the changed areas are. */
  reason: string | undefined;
}

/** Decides for a disk whether the changed areas are enough, and finds them. */
export async function readingOf(
  scope: RoundScope,
  task: DiskTask,
  { snapshot, tracking }: { snapshot: MoRef; tracking: VmTracking },
  signal: AbortSignal,
): Promise<Reading> {
  const everything = { task, content: 'all' as const, reported: undefined };
  const refusal = tracking.refusal ?? refusalOf(task);
  if (task.how === 'image') return { ...everything, reason: 'there is no replica of this disk yet' };
  if (refusal !== undefined) return { ...everything, reason: refusal };
  const { client, facts, options } = scope;
  const { key, capacityBytes } = task.disk;
  const changeId = task.known?.changeId ?? '';
  const reported = new AreaList();
  try {
    const request = { vm: facts.ref, snapshot, deviceKey: key, changeId, capacityBytes };
    for await (const area of queryChangedAreas(client, request, signal)) reported.add(area);
  } catch (error) {
    if (!(error instanceof ChangeTrackingError)) throw error;
    return { ...everything, reason: `changed block tracking cannot be trusted: ${error.reason}` };
  }
  if (options.audit !== undefined) return { ...everything, reported, reason: '--audit is given' };
  if (options.transport === 'lease') return { ...everything, reported, reason: LEASE };
  return { task, content: 'areas', reported, reason: undefined };
}

/** Why the changed areas of a disk are not enough. */
function refusalOf({ disk, known, doubt }: DiskTask): string | undefined {
  if (doubt !== undefined) return doubt;
  if (known === undefined) return 'the UUID of the disk changed';
  if (disk.changeId === undefined) {
    return 'the disk has no change ID, although tracking is switched on: it counts from the next snapshot or power cycle, and not for a disk that had snapshots before';
  }
  return known.changeId === null ? 'the disk was not tracked in the last round' : undefined;
}

/** Says how each disk is read, before the first byte. A later round that reads everything is a warning, with its cost. */
export function tellReading({ replica, warn, step }: RoundScope, readings: readonly Reading[]): void {
  const isFirst = replica.state.point === null;
  for (const { task, reason, reported } of readings) {
    const { label, capacityBytes } = task.disk;
    if (reason === undefined) {
      const bytes = reported?.bytes ?? 0;
      step('preflight', `${label}: ${formatBytes(bytes)} changed since the last round`);
      continue;
    }
    const hours = fullReadWords(replica.state.rounds, capacityBytes);
    const words = `${label}: everything is read (${formatBytes(capacityBytes)}${hours}), because ${reason}.`;
    if (isFirst || reason === LEASE || reason.startsWith('--')) step('preflight', words);
    else warn(words);
  }
}

/** How long reading everything takes at the best rate so far. Rounds of a few bytes say nothing about the rate. */
function fullReadWords(rounds: RoundScope['replica']['state']['rounds'], capacityBytes: number): string {
  const rates = rounds
    .filter(({ fetchedBytes, fetchSeconds }) => fetchedBytes > 16 * 1024 * 1024 && fetchSeconds > 0)
    .map(({ fetchedBytes, fetchSeconds }) => fetchedBytes / fetchSeconds);
  if (rates.length === 0) return '';
  return `, about ${formatDuration(capacityBytes / Math.max(...rates))} if all of it is allocated`;
}
