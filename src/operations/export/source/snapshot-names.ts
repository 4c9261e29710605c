import { boolean, object, optional, string, type InferOutput } from 'valibot';
import type { VmFacts, VmSnapshot } from '../../../vsphere/vm/vm-facts.ts';

/** Name prefix of this program's snapshots. One that is found later was left by a killed run. */
export const OWN_SNAPSHOT_PREFIX = 'hyper2kvm-export-';

/**
 * The own snapshot of an unfinished export; the next run takes it over if the last one was killed. `moRef` is empty
 * while it is being created.
 */
export const OwnSnapshotSchema = object({ moRef: string(), name: string() });
export type OwnSnapshot = InferOutput<typeof OwnSnapshotSchema>;

/** An own snapshot whose disks arrived completely in a run that failed after that, such as in the fix of the guest. */
export const FetchedSnapshotSchema = object({
  /** The identity that the snapshot, which has been removed, had as a source of disks. */
  identity: string(),
  /** The VM and its disks. */
  vm: string(),
  /** ISO 8601. */
  fetchedAt: string(),
  quiesced: optional(boolean()),
});
export type FetchedSnapshot = InferOutput<typeof FetchedSnapshotSchema>;

/** The snapshot for `--from-snapshot`, by name. Undefined when there is none or more than one. */
export function namedSnapshot(facts: VmFacts, name: string): VmSnapshot | undefined {
  const matches = facts.snapshots.filter((snapshot) => snapshot.name === name);
  return matches.length === 1 ? matches[0] : undefined;
}
