import { stat } from 'node:fs/promises';
import { Hyper2kvmError } from '../../base/errors.ts';
import { freeBytes } from '../../base/files/free-space.ts';
import { localFileError } from '../../base/files/local-file-error.ts';
import { formatBytes } from '../../base/text/amounts.ts';
import type { VirtualDisk } from '../../vsphere/vm/virtual-disk.ts';
import { readSnapshotDisks } from '../../vsphere/vm/vm-facts.ts';
import { CleanUp } from '../clean-up.ts';
import { expectedBytes } from '../export/plan/inspect-output.ts';
import type { ExportedFile } from '../export/types.ts';
import { fetchRound, type FetchedDisk, type RoundDisk } from './fetch-round.ts';
import { nextRoundSeconds } from './forecast.ts';
import { Replica, type SourceDisk } from './replica/replica.ts';
import type { RoundScope } from './scope.ts';
import { removeOldSnapshot, takeSnapshot } from './round-snapshot.ts';
import { LEASE, prepareTracking, readingOf, tellReading, type Reading } from './tracking.ts';
import type { SyncedDisk, SyncOptions, VmSyncResult } from './types.ts';

type RoundResult = Omit<
  VmSyncResult,
  'vm' | 'moRef' | 'inventoryPath' | 'format' | 'output' | 'downtime' | 'warnings' | 'leftBehind'
>;

/**
 * Brings the replica to the present state of the VM. The replica changes only after everything is fetched and flushed;
 * from then on, this run or the next one completes the change.
 */
export async function runRound(scope: RoundScope, signal: AbortSignal): Promise<RoundResult> {
  const { client, replica, options, leave, step, warn } = scope;
  const startedAt = Date.now();
  await removeOldSnapshot(scope, signal);
  const tracking = await prepareTracking(scope, signal);
  await using cleanUp = new CleanUp(leave);
  const snapshot = await takeSnapshot(scope, cleanUp, signal);
  if (options.quiesce && !snapshot.quiesced) {
    warn('The snapshot was not quiesced: the disks are as after a power failure.');
  }
  const disks = await readSnapshotDisks(client, snapshot.ref, signal);
  const sources = disks.map(sourceOf);
  const tasks = await replica.plan(sources);
  const wanted: Reading[] = [];
  for (const task of tasks) wanted.push(await readingOf(scope, task, { snapshot: snapshot.ref, tracking }, signal));
  for (const { file, label } of replica.gone(sources)) {
    warn(`${label} is no longer a disk of the VM. ${file} stays as it is, and is not updated any more.`);
  }
  tellReading(scope, wanted);
  await requireSpace(scope, wanted, disks);

  const id = Replica.newRound();
  const fetchedAt = Date.now();
  const fetched = await fetchRound(scope, { id, snapshot: snapshot.ref, disks, wanted }, signal);
  const fetchSeconds = secondsSince(fetchedAt);
  const damaged = tasks.filter((_, index) => fetched.disks[index]?.isDamaged === true);
  for (const { file } of damaged) {
    warn(`The content of ${file} is not what was written to it. The next round compares all of it.`);
  }
  // Not later: a committed round is applied by the next run, over what the VM wrote meanwhile.
  await scope.requireFree();
  await replica.commit(tasks, { round: id, takenAt: snapshot.takenAt, damaged });
  // The snapshot grows with every write of the VM, and the rest needs nothing of the server.
  await cleanUp.run();
  signal.throwIfAborted();
  step('finish', 'Applying the changes to the replica');
  const appliedAt = Date.now();
  await replica.apply();
  const applySeconds = secondsSince(appliedAt);
  const synced = wanted.map((reading, index) => syncedDisk(reading, fetched.disks[index], options));
  const repaired = options.audit === undefined ? undefined : repairedOf(synced);
  if (repaired !== undefined && repaired > 0) {
    warn(`The audit found and repaired ${formatBytes(repaired)} that the server had not reported as changed.`);
  }
  const changedBytes = synced.reduce((sum, disk) => sum + disk.changedBytes, 0);
  const seconds = secondsSince(startedAt);
  const { takenAt } = snapshot;
  const { transferredBytes } = fetched;
  const measures = { fetchSeconds, applySeconds, seconds };
  const isComplete = synced.some(({ reading }) => reading !== 'changed');
  await replica.measure({ takenAt, isComplete, changedBytes, fetchedBytes: transferredBytes, ...measures });
  const next = nextRoundSeconds(replica.state.rounds);
  return {
    round: replica.state.point?.number ?? 0,
    takenAt,
    disks: synced,
    files: await Promise.all(tasks.map(({ files }) => fileOf(files.image))),
    transferredBytes,
    changedBytes,
    ...(repaired !== undefined && { repairedBytes: repaired }),
    ...(tracking.isNew === true && { enabledTracking: true }),
    ...(options.quiesce && { quiesced: snapshot.quiesced }),
    ...measures,
    ...(next !== undefined && { nextRoundSeconds: next }),
  };
}

function sourceOf({ key, label, uuid, capacityBytes, changeId }: VirtualDisk): SourceDisk {
  return { key, label, uuid, capacityBytes, changeId: changeId === '' ? undefined : changeId };
}

function syncedDisk(
  { task, reason, reported }: Reading,
  fetched: FetchedDisk | undefined,
  { audit }: Pick<SyncOptions, 'audit'>,
): SyncedDisk {
  const { disk, file, how } = task;
  const { label, capacityBytes } = disk;
  const { changedBytes = 0, unreportedBytes = 0, isComplete = false } = fetched ?? {};
  const reading = how === 'image' ? 'new' : reason === undefined && !isComplete ? 'changed' : 'compared';
  const why = isComplete ? LEASE : (reason ?? null);
  const repairedBytes = reported === undefined ? null : unreportedBytes;
  return {
    label,
    file,
    capacityBytes,
    reading,
    reason: why,
    changedBytes,
    ...(audit !== undefined && { repairedBytes }),
  };
}

function repairedOf(disks: readonly SyncedDisk[]): number {
  return disks.reduce((sum, { repairedBytes }) => sum + (repairedBytes ?? 0), 0);
}

/**
 * A new image takes at most the space of the disk's files on the server. A thick disk occupies its full capacity there,
 * however little data it contains, so it is not a reason to refuse.
 */
async function requireSpace(
  { output, facts }: RoundScope,
  wanted: readonly RoundDisk[],
  disks: readonly VirtualDisk[],
): Promise<void> {
  const needed = wanted.map(({ task, reported, content }) => {
    if (content === 'areas') return reported?.bytes ?? 0;
    const disk = disks.find(({ key }) => key === task.disk.key);
    return task.how === 'image' && disk?.thin === true ? expectedBytes(disk, facts) : 0;
  });
  const neededBytes = needed.reduce((sum, bytes) => sum + bytes, 0);
  const free = await freeBytes(output);
  if (neededBytes <= free) return;
  const sentence = `The round needs up to ${formatBytes(neededBytes)} in ${output}; ${formatBytes(free)} are free.`;
  throw new Hyper2kvmError('local-file', sentence, { hint: 'Free up space there, or choose another --output.' });
}

async function fileOf(path: string): Promise<ExportedFile> {
  try {
    return { path, sizeBytes: (await stat(path)).size };
  } catch (error) {
    throw localFileError('read', path, error);
  }
}

function secondsSince(startedMs: number): number {
  return (Date.now() - startedMs) / 1000;
}
