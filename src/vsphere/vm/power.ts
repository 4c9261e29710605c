import { pause } from '../../base/time-limit.ts';
import { isFault } from '../soap/fault.ts';
import { waitForTask, type LookForResult } from '../session/task.ts';
import { readPowerState } from './vm-facts.ts';
import type { VsphereClient } from '../session/vsphere-client.ts';
import type { MoRef } from '../soap/wsdl-types.ts';

/**
 * Requests a guest shutdown and waits for it. Returns false when the VM is still on after `limitMs`.
 * @throws VsphereFault `ToolsUnavailable` when VMware Tools does not run in the guest.
 */
export async function shutdownGuest(
  client: VsphereClient,
  vm: MoRef,
  limitMs: number,
  signal: AbortSignal,
): Promise<boolean> {
  const endsAt = Date.now() + limitMs;
  await client.call('ShutdownGuest', { _this: vm }, signal);
  while ((await readPowerState(client, vm, signal)) !== 'poweredOff') {
    const leftMs = endsAt - Date.now();
    if (leftMs <= 0) return false;
    await pause(Math.min(leftMs, 2000), signal);
  }
  return true;
}

function isIn(state: string, client: VsphereClient, vm: MoRef): LookForResult<true> {
  return async (signal) => ((await readPowerState(client, vm, signal)) === state ? true : undefined);
}

/** Powers off the VM without a guest shutdown. Succeeds if the VM is already off. */
export async function powerOff(client: VsphereClient, vm: MoRef, signal: AbortSignal): Promise<void> {
  try {
    const look = isIn('poweredOff', client, vm);
    const response = await client.call('PowerOffVM_Task', { _this: vm }, signal);
    await waitForTask(client, response, { during: 'Powering off', look }, signal);
  } catch (error) {
    if (!isFault(error, 'InvalidPowerState')) throw error;
  }
}

/** Powers on the VM. Succeeds if the VM is already on. */
export async function powerOn(client: VsphereClient, vm: MoRef, signal: AbortSignal): Promise<void> {
  try {
    const look = isIn('poweredOn', client, vm);
    const response = await client.call('PowerOnVM_Task', { _this: vm }, signal);
    await waitForTask(client, response, { during: 'Powering on', look }, signal);
  } catch (error) {
    if (!isFault(error, 'InvalidPowerState')) throw error;
  }
}
