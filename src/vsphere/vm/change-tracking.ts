import { readProperties } from '../session/properties.ts';
import { waitForTask } from '../session/task.ts';
import type { VsphereClient } from '../session/vsphere-client.ts';
import type { MoRef } from '../soap/wsdl-types.ts';

/** What a VM says about changed block tracking (CBT). */
export interface ChangeTracking {
  supported: boolean;
  /** The configuration switches it on. A disk is tracked only if it also has a change ID. */
  enabled: boolean;
  /** `vmx-13` */
  hardwareVersion: string;
}

const PATHS = ['capability.changeTrackingSupported', 'config.changeTrackingEnabled', 'config.version'] as const;

export async function readChangeTracking(
  client: VsphereClient,
  vm: MoRef,
  signal: AbortSignal,
): Promise<ChangeTracking> {
  const { properties } = await readProperties(client, vm, PATHS, signal);
  const text = (path: (typeof PATHS)[number]): string => properties.get(path)?.text ?? '';
  return {
    supported: text('capability.changeTrackingSupported') === 'true',
    enabled: text('config.changeTrackingEnabled') === 'true',
    hardwareVersion: text('config.version'),
  };
}

/** Switches tracking on. A running VM begins with its next snapshot. The VM must not have a snapshot. */
export async function enableChangeTracking(client: VsphereClient, vm: MoRef, signal: AbortSignal): Promise<void> {
  const args = { _this: vm, spec: { changeTrackingEnabled: true } };
  const look = async (limit: AbortSignal): Promise<true | undefined> =>
    (await readChangeTracking(client, vm, limit)).enabled ? true : undefined;
  const response = await client.call('ReconfigVM_Task', args, signal);
  await waitForTask(client, response, { during: 'Switching on changed block tracking', look }, signal);
}
