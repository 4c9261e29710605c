import { hostname } from 'node:os';
import { pause } from '../../../base/time-limit.ts';
import { VsphereFault } from '../../../vsphere/soap/fault.ts';
import { consolidateDisks, createSnapshot, removeSnapshot } from '../../../vsphere/vm/snapshot.ts';
import { readSnapshots } from '../../../vsphere/vm/vm-facts.ts';
import type { VsphereClient } from '../../../vsphere/session/vsphere-client.ts';
import type { MoRef } from '../../../vsphere/soap/wsdl-types.ts';
import type { CleanUp } from '../../clean-up.ts';
import { snapshotRemains, type LeftSnapshots } from './left-snapshots.ts';
import type { ExportStep } from '../../events.ts';

const REMOVE_LIMIT_MS = 12 * 3_600_000;
/** How long to look for a snapshot whose creation was not confirmed, before treating it as not created. */
const APPEAR_LIMIT_MS = 20_000;

export interface SnapshotScope {
  client: VsphereClient;
  vm: string;
  vmRef: MoRef;
  /** Receives the removal of the snapshot. */
  cleanUp: CleanUp;
  /** Records a snapshot that could not be removed. */
  left: LeftSnapshots;
  /** The disks needed consolidation before this snapshot was created. */
  consolidationNeeded: boolean;
  step: (step: ExportStep, detail: string) => void;
  /** Removes the snapshot from the resume record: it was removed, was never created, or is in another record. Never throws. */
  forget: () => Promise<void>;
}

/**
 * Creates the temporary snapshot `name`, or takes over `old`, which has that name. Clean-up removes it, even if the
 * server created it and the response was lost. There is no signal parameter: an abort must not come between the
 * creation and the response.
 */
export async function takeOwnSnapshot(
  scope: SnapshotScope,
  { name, quiesce, old }: { name: string; quiesce: boolean; old: MoRef | undefined },
): Promise<MoRef> {
  const { client, vmRef } = scope;
  let made = old;
  let appearLimitMs = 0;
  deferRemoval(scope, name, async (limit) => (made ??= await findByName(client, vmRef, name, appearLimitMs, limit)));
  const description = `Temporary: created by hyper2kvm on ${hostname()} for an export, and removed after it.`;
  try {
    made ??= await createSnapshot(client, vmRef, { name, description, quiesce }, new AbortController().signal);
    return made;
  } catch (error) {
    // A fault confirms that the server created none; a broken connection confirms nothing.
    if (!(error instanceof VsphereFault)) appearLimitMs = APPEAR_LIMIT_MS;
    throw error;
  }
}

/** Registers the removal of the snapshot `name` with the clean-up. `find` returns the snapshot if it was created. */
export function deferRemoval(
  { client, vm, vmRef, cleanUp, left, consolidationNeeded, step, forget }: SnapshotScope,
  name: string,
  find: (limit: AbortSignal) => Promise<MoRef | undefined>,
): void {
  let made: MoRef | undefined;
  let isRemoved = false;
  cleanUp.defer({
    remains: `The disks of ${vm} need consolidation on ${client.server}: choose Snapshots > Consolidate there.`,
    limitMs: REMOVE_LIMIT_MS,
    isLasting: true,
    run: async (limit) => {
      if (isRemoved && !consolidationNeeded) await consolidateDisks(client, vmRef, limit);
    },
  });
  cleanUp.defer({
    remains: snapshotRemains(name, vm, client),
    limitMs: REMOVE_LIMIT_MS,
    isLasting: true,
    onLeft: async () => {
      await left.add({ name, moRef: made?.value ?? '' });
      // The other record contains it now.
      await forget();
    },
    run: async (limit) => {
      made = await find(limit);
      if (made) {
        step('clean-up', `Removing the temporary snapshot ${name}`);
        await removeSnapshot(client, made, limit);
        isRemoved = true;
      }
      await forget();
    },
  });
}

async function findByName(
  client: VsphereClient,
  vm: MoRef,
  name: string,
  limitMs: number,
  signal: AbortSignal,
): Promise<MoRef | undefined> {
  const endsAt = Date.now() + limitMs;
  for (;;) {
    const snapshots = await readSnapshots(client, vm, signal);
    const found = snapshots.find((snapshot) => snapshot.name === name);
    if (found || Date.now() >= endsAt) return found?.ref;
    await pause(1000, signal);
  }
}
