import { Hyper2kvmError } from '../../base/errors.ts';
import { removeSnapshot } from '../../vsphere/vm/snapshot.ts';
import { readSnapshots } from '../../vsphere/vm/vm-facts.ts';
import type { MoRef } from '../../vsphere/soap/wsdl-types.ts';
import type { CleanUp } from '../clean-up.ts';
import { takeOwnSnapshot } from '../export/source/own-snapshot.ts';
import { OWN_SNAPSHOT_PREFIX } from '../export/source/snapshot-names.ts';
import type { RoundScope } from './scope.ts';

/** The snapshot of a round. */
export interface RoundSnapshot {
  ref: MoRef;
  /** ISO 8601, UTC. */
  takenAt: string;
  /** The server can skip quiescing without an error. */
  quiesced: boolean;
}

/** Removes the snapshot of a round that was killed: it holds an old state. At most one own snapshot exists at a time. */
export async function removeOldSnapshot(
  { client, facts, replica, step }: Pick<RoundScope, 'client' | 'facts' | 'replica' | 'step'>,
  signal: AbortSignal,
): Promise<void> {
  const recorded = replica.state.ownSnapshot;
  if (recorded === undefined) return;
  const found = facts.snapshots.find(
    ({ ref, name }) => name === recorded.name && (recorded.moRef === '' || ref.value === recorded.moRef),
  );
  if (found !== undefined) {
    step('clean-up', `Removing the snapshot ${found.name} of an earlier run`);
    await removeSnapshot(client, found.ref, signal);
  }
  await replica.setSnapshot(undefined);
}

/** Creates the snapshot of the round. `cleanUp` removes it, and waits for its consolidation. */
export async function takeSnapshot(
  { client, vm, facts, replica, left, job, options, step }: RoundScope,
  cleanUp: CleanUp,
  signal: AbortSignal,
): Promise<RoundSnapshot> {
  const { quiesce } = options;
  const name = `${OWN_SNAPSHOT_PREFIX}${job}`;
  step('snapshot', `Creating the temporary snapshot ${name}`);
  // Recorded before it exists, so that the next run can remove it if this one is killed.
  await replica.setSnapshot({ name, moRef: '' });
  const { ref: vmRef, consolidationNeeded } = facts;
  const forget = (): Promise<void> => replica.setSnapshot(undefined);
  const scope = { client, vm, vmRef, cleanUp, left, consolidationNeeded, step, forget };
  const ref = await takeOwnSnapshot(scope, { name, quiesce, old: undefined });
  signal.throwIfAborted();
  await replica.setSnapshot({ name, moRef: ref.value });
  const snapshots = await readSnapshots(client, vmRef, signal);
  const found = snapshots.find((snapshot) => snapshot.ref.value === ref.value);
  if (found === undefined) {
    throw new Hyper2kvmError('transfer', `The snapshot ${name} of ${vm} disappeared.`, {
      retryable: true,
      hint: 'Another program may have removed it. Run sync again.',
    });
  }
  const time = Date.parse(found.createTime);
  const takenAt = new Date(Number.isNaN(time) ? Date.now() : time).toISOString();
  return { ref, takenAt, quiesced: found.quiesced };
}
