import { Hyper2kvmError } from '../../base/errors.ts';
import { removeCdDrives } from '../../vsphere/vm/cd-drives.ts';
import type { ConnectionSettings } from '../../vsphere/connection/connection-settings.ts';
import { findVms } from '../../vsphere/inventory/find-vms.ts';
import { listInventory, type InventoryVm } from '../../vsphere/inventory/inventory.ts';
import { powerOff, shutdownGuest } from '../../vsphere/vm/power.ts';
import { readPowerState, readVmFacts } from '../../vsphere/vm/vm-facts.ts';
import { readVmHardware } from '../../vsphere/vm/vm-hardware.ts';
import type { VsphereClient } from '../../vsphere/session/vsphere-client.ts';
import { CleanUp } from '../clean-up.ts';
import type { OperationContext, WarningEvent } from '../operation-context.ts';
import { openSession } from '../server-session.ts';
import type { VmAction, VmActionResult } from './types.ts';

export interface VmActionOptions {
  connection: ConnectionSettings;
  /** One VM, named as for an export. */
  vm: string;
  action: VmAction;
  /** The time limit for the guest to shut down. */
  limitMs: number;
}

/** Inspects one VM or changes it on the server. A VM that is already in the requested state is not an error. */
export async function actOnVm(
  { connection, vm, action, limitMs }: VmActionOptions,
  { signal, report }: OperationContext<WarningEvent>,
): Promise<VmActionResult> {
  await using cleanUp = new CleanUp((message) => report({ type: 'warning', message }));
  const client = await openSession(connection, cleanUp, signal);
  const found = await findVms(client, vm, await listInventory(client, [], signal), signal);
  const [target] = found;
  if (target === undefined || found.length > 1) throw severalVms(vm, found);
  // Awaited here, because the session ends with this scope.
  return await ACTIONS[action](client, target, limitMs, signal);
}

type Act = (client: VsphereClient, vm: InventoryVm, limitMs: number, signal: AbortSignal) => Promise<VmActionResult>;

const ACTIONS: Record<VmAction, Act> = {
  async info(client, { ref, name, inventoryPath }, _limitMs, signal) {
    const facts = await readVmFacts(client, ref, signal);
    const { powerState, guest, toolsRunning, instanceUuid } = facts;
    const disks = facts.disks.map(({ label, capacityBytes }) => ({ label, capacityBytes }));
    const snapshots = facts.snapshots.map((snapshot) => snapshot.name);
    const hardware = await readVmHardware(client, ref, signal);
    const place = { name, inventoryPath, moRef: ref.value };
    const info = { ...place, powerState, guest, toolsRunning, instanceUuid, disks, snapshots, hardware };
    return { vm: name, changed: false, sentence: `${name} is ${powerState}.`, info };
  },

  async shutdown(client, { ref, name }, limitMs, signal) {
    if ((await readPowerState(client, ref, signal)) === 'poweredOff') return isOff(name);
    if (await shutdownGuest(client, ref, limitMs, signal)) {
      return { vm: name, changed: true, sentence: `${name} is shut down.` };
    }
    throw new Hyper2kvmError('transfer', `${name} is still powered on after ${Math.round(limitMs / 1000)} seconds.`, {
      hint: 'Wait longer with -timeout SECONDS, or power it off with -op poweroff.',
    });
  },

  async poweroff(client, { ref, name }, _limitMs, signal) {
    if ((await readPowerState(client, ref, signal)) === 'poweredOff') return isOff(name);
    await powerOff(client, ref, signal);
    return { vm: name, changed: true, sentence: `${name} is powered off.` };
  },

  async 'remove-cdrom'(client, { ref, name }, _limitMs, signal) {
    const labels = await removeCdDrives(client, ref, signal);
    if (labels.length === 0) return { vm: name, changed: false, sentence: `${name} has no CD-ROM drive.` };
    return { vm: name, changed: true, sentence: `Removed from ${name}: ${labels.join(', ')}.` };
  },
};

function isOff(name: string): VmActionResult {
  return { vm: name, changed: false, sentence: `${name} is already powered off.` };
}

function severalVms(word: string, found: readonly InventoryVm[]): Hyper2kvmError {
  const paths = found.slice(0, 5).map(({ inventoryPath }) => inventoryPath);
  return new Hyper2kvmError('not-found', `${JSON.stringify(word)} matches ${found.length} VMs: ${paths.join(', ')}.`, {
    hint: 'Name one of them.',
  });
}
