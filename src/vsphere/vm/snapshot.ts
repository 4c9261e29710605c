import { Hyper2kvmError } from '../../base/errors.ts';
import { isFault } from '../soap/fault.ts';
import { readProperties } from '../session/properties.ts';
import { waitForTask } from '../session/task.ts';
import type { VsphereClient } from '../session/vsphere-client.ts';
import { readConsolidationNeeded, readSnapshots } from './vm-facts.ts';
import { whileBusy } from './while-busy.ts';
import type { MoRef } from '../soap/wsdl-types.ts';

/** Creates a snapshot without memory and returns it. The caller must remove it. `name` must be unique among the VM's snapshots. */
export async function createSnapshot(
  client: VsphereClient,
  vm: MoRef,
  { name, description, quiesce }: { name: string; description: string; quiesce: boolean },
  signal: AbortSignal,
): Promise<MoRef> {
  const args = { _this: vm, name, description, memory: false, quiesce };
  const response = await client.call('CreateSnapshot_Task', args, signal);
  const look = async (limit: AbortSignal): Promise<MoRef | undefined> =>
    (await readSnapshots(client, vm, limit)).find((each) => each.name === name)?.ref;
  const snapshot = await waitForTask(client, response, { during: 'Creating the snapshot', look }, signal);
  if (!snapshot) throw new Hyper2kvmError('transfer', `${client.server} created a snapshot but did not return it.`);
  return snapshot;
}

/** Removes one snapshot and consolidates its disks. Succeeds if the snapshot no longer exists. */
export async function removeSnapshot(client: VsphereClient, snapshot: MoRef, signal: AbortSignal): Promise<void> {
  const during = 'Removing the snapshot';
  const look = async (limit: AbortSignal): Promise<true | undefined> =>
    (await snapshotExists(client, snapshot, limit)) ? undefined : true;
  await whileBusy(signal, async () => {
    try {
      const args = { _this: snapshot, removeChildren: false, consolidate: true };
      const response = await client.call('RemoveSnapshot_Task', args, signal);
      await waitForTask(client, response, { during, look }, signal);
    } catch (error) {
      if (!isFault(error, 'ManagedObjectNotFound')) throw error;
    }
  });
}

/**
 * Consolidates the disks if the server reports that a removed snapshot left delta disks.
 * @throws transfer error when the VM still needs consolidation afterwards.
 */
export async function consolidateDisks(client: VsphereClient, vm: MoRef, signal: AbortSignal): Promise<void> {
  const look = async (limit: AbortSignal): Promise<true | undefined> =>
    (await readConsolidationNeeded(client, vm, limit)) ? undefined : true;
  if (await look(signal)) return;
  await whileBusy(signal, async () => {
    const response = await client.call('ConsolidateVMDisks_Task', { _this: vm }, signal);
    await waitForTask(client, response, { during: 'Consolidating the disks', look }, signal);
  });
  if (!(await look(signal))) throw new Hyper2kvmError('transfer', 'The server still needs to consolidate its disks.');
}

/** True while the snapshot exists on the server. */
export async function snapshotExists(client: VsphereClient, snapshot: MoRef, signal: AbortSignal): Promise<boolean> {
  try {
    await readProperties(client, snapshot, ['childSnapshot'], signal);
    return true;
  } catch (error) {
    if (isFault(error, 'ManagedObjectNotFound')) return false;
    throw error;
  }
}
