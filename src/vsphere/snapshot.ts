import { Hyper2kvmError } from '../base/errors.ts';
import { isFault } from './fault.ts';
import { readProperties } from './properties.ts';
import { waitForTask } from './task.ts';
import type { VsphereClient } from './vsphere-client.ts';
import type { MoRef } from './wsdl-types.ts';

/** Creates a snapshot without memory, and returns it. The caller removes it. */
export async function createSnapshot(
  client: VsphereClient,
  vm: MoRef,
  { name, description, quiesce }: { name: string; description: string; quiesce: boolean },
  signal: AbortSignal,
): Promise<MoRef> {
  const args = { _this: vm, name, description, memory: false, quiesce };
  const response = await client.call('CreateSnapshot_Task', args, signal);
  const snapshot = await waitForTask(client, response, 'Creating the snapshot', signal);
  if (!snapshot) throw new Hyper2kvmError('transfer', `${client.server} made a snapshot and did not say which.`);
  return snapshot;
}

/** Removes one snapshot and merges its disks. A snapshot that is gone already is no failure. */
export async function removeSnapshot(client: VsphereClient, snapshot: MoRef, signal: AbortSignal): Promise<void> {
  try {
    const args = { _this: snapshot, removeChildren: false, consolidate: true };
    const response = await client.call('RemoveSnapshot_Task', args, signal);
    await waitForTask(client, response, 'Removing the snapshot', signal);
  } catch (error) {
    if (!isFault(error, 'ManagedObjectNotFound')) throw error;
  }
}

/** True while the server still knows the snapshot. */
export async function snapshotExists(client: VsphereClient, snapshot: MoRef, signal: AbortSignal): Promise<boolean> {
  try {
    await readProperties(client, snapshot, ['childSnapshot'], signal);
    return true;
  } catch (error) {
    if (isFault(error, 'ManagedObjectNotFound')) return false;
    throw error;
  }
}
