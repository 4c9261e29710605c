import {
  array,
  boolean,
  exactOptional,
  minValue,
  nullable,
  number,
  object,
  picklist,
  pipe,
  safeInteger,
  string,
  type InferOutput,
} from 'valibot';
import { readCheckedRecord, writeCheckedRecord } from './checked-record.ts';
import { recordSchema } from '../../../base/records/read-record.ts';
import { REPLICA_FORMATS } from '../../../image/replica/replica-format.ts';
import { OwnSnapshotSchema } from '../../export/source/snapshot-names.ts';

const size = pipe(number(), safeInteger(), minValue(0));

const ReplicaDiskSchema = object({
  /** The device key in the VM. */
  key: number(),
  label: string(),
  /** Its file name in the folder of the replica. */
  file: string(),
  /** `backing.uuid`; null if the server reports none. */
  uuid: nullable(string()),
  capacityBytes: size,
  /** The change ID of the snapshot that was read; null if tracking was not available. */
  changeId: nullable(string()),
  /** The file after the last round; null while it is being written. */
  stamp: nullable(object({ sizeBytes: size, modifiedMs: number() })),
  /** The content of the file is not known to be that of its digests. The next round reads both and compares. */
  mustCompare: boolean(),
});

const PointSchema = object({
  /** A UUID, which is in the redo logs too. */
  round: string(),
  /** The number of rounds so far. */
  number: size,
  /** When the snapshot was taken; ISO 8601, UTC. */
  takenAt: string(),
  disks: array(ReplicaDiskSchema),
});

const RoundSchema = object({
  takenAt: string(),
  /** All of a disk was read. */
  isComplete: boolean(),
  changedBytes: size,
  fetchedBytes: size,
  fetchSeconds: number(),
  applySeconds: number(),
  seconds: number(),
});

const RehearsalSchema = object({
  /** The number of the round whose state was rehearsed, and its point in time. */
  round: size,
  takenAt: string(),
  /** When the rehearsal ended; ISO 8601, UTC. */
  rehearsedAt: string(),
  /** The guest came up, and its network was heard. */
  isGood: boolean(),
  /** Why not. */
  problem: exactOptional(string()),
  /** Null if the guest could not be prepared. */
  fixSeconds: nullable(number()),
  /** To the first sign of life. */
  bootSeconds: nullable(number()),
  accelerator: exactOptional(picklist(['kvm', 'tcg'])),
});

/** The record of a replica, in `.NAME.hyper2kvm-replica` next to its disks. */
export const ReplicaStateSchema = recordSchema({
  vm: object({ name: string(), moRef: string(), identity: string(), server: string() }),
  format: picklist(REPLICA_FORMATS),
  /** The state of the VM that the replica holds; null before the first complete round. */
  point: nullable(PointSchema),
  /** A fetched state that must be applied: its redo logs and new images are complete and flushed. */
  pending: exactOptional(object({ ...PointSchema.entries, how: array(picklist(['redo', 'image'])), round: string() })),
  /** The snapshot of a round that did not end. */
  ownSnapshot: exactOptional(OwnSnapshotSchema),
  /** This program switched change tracking on. */
  enabledTracking: exactOptional(boolean()),
  /** The last comparison of reads over NFC with the export lease: the server, and the UUID of the disk. */
  nfcComparison: exactOptional(object({ server: string(), version: string(), uuid: string(), comparedAt: string() })),
  /** The last rehearsal. */
  rehearsal: exactOptional(RehearsalSchema),
  /** The newest rounds, oldest first. */
  rounds: array(RoundSchema),
  /** SHA-256 of the other fields as JSON. */
  checksum: string(),
});

export type ReplicaDisk = InferOutput<typeof ReplicaDiskSchema>;
export type ReplicaPoint = InferOutput<typeof PointSchema>;
export type RoundMeasure = InferOutput<typeof RoundSchema>;
export type ReplicaState = Omit<InferOutput<typeof ReplicaStateSchema>, 'checksum' | 'schemaVersion'>;

/** The name of the record for a VM whose files have this base name. */
export function stateName(baseName: string): string {
  return `.${baseName}.hyper2kvm-replica`;
}

/**
 * Reads the state. Undefined when there is none.
 * @throws Hyper2kvmError kind `local-file` for a record that is damaged or that others could have written.
 */
export async function readState(path: string): Promise<ReplicaState | undefined> {
  return await readCheckedRecord(path, ReplicaStateSchema, {
    what: 'The record of the replica',
    laterHint: 'Use that version, or choose another --output.',
    damagedHint: 'Move the folder of the replica away, and run sync again: it then makes a new replica.',
  });
}

/** Replaces the state, and flushes it. */
export async function writeState(path: string, state: ReplicaState): Promise<void> {
  await writeCheckedRecord(path, state);
}
