import { object, string, type InferOutput } from 'valibot';
import type { VmFacts, VmSnapshot } from '../../../vsphere/vm/vm-facts.ts';

/** Snapshots that this program makes are named so; one that is found later was left by a run that was killed. */
export const OWN_SNAPSHOT_PREFIX = 'hyper2kvm-export-';

/** The own snapshot of an export that has not ended: the next run takes it over when the last one was killed. `moRef` is empty while it is being made. */
export const OwnSnapshotSchema = object({ moRef: string(), name: string() });
export type OwnSnapshot = InferOutput<typeof OwnSnapshotSchema>;

/** The snapshot that `--from-snapshot` means: the one of that name. Undefined when there is none or several. */
export function namedSnapshot(facts: VmFacts, name: string): VmSnapshot | undefined {
  const matches = facts.snapshots.filter((snapshot) => snapshot.name === name);
  return matches.length === 1 ? matches[0] : undefined;
}
