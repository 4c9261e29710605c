import { Hyper2kvmError } from '../../base/errors.ts';
import type { ConnectionSettings } from '../../vsphere/connection/connection-settings.ts';
import { findVms } from '../../vsphere/inventory/find-vms.ts';
import { listInventory, type InventoryVm } from '../../vsphere/inventory/inventory.ts';
import { CleanUp } from '../clean-up.ts';
import type { OperationContext, WarningEvent } from '../operation-context.ts';
import { openSession } from '../server-session.ts';
import type { ListedVm } from './list-types.ts';

/** Logs in and out again, to learn whether the server accepts the account. */
export async function checkLogin(
  connection: ConnectionSettings,
  { signal, report }: OperationContext<WarningEvent>,
): Promise<void> {
  await using cleanUp = new CleanUp((message) => report({ type: 'warning', message }));
  await openSession(connection, cleanUp, signal);
}

/** The power states of the VMs that the words name, as for an export. A word that names none is left to the export. */
export async function readPowerStates(
  { connection, vms }: { connection: ConnectionSettings; vms: readonly string[] },
  { signal, report }: OperationContext<WarningEvent>,
): Promise<Pick<ListedVm, 'name' | 'powerState' | 'template'>[]> {
  await using cleanUp = new CleanUp((message) => report({ type: 'warning', message }));
  const client = await openSession(connection, cleanUp, signal);
  const inventory = await listInventory(client, ['runtime.powerState', 'config.template'], signal);
  const found = new Map<string, InventoryVm>();
  for (const word of vms) {
    try {
      for (const vm of await findVms(client, word, inventory, signal)) found.set(vm.ref.value, vm);
    } catch (error) {
      if (!(error instanceof Hyper2kvmError) || error.kind !== 'not-found') throw error;
    }
  }
  return [...found.values()].map(({ name, content: { properties } }) => ({
    name,
    powerState: properties.get('runtime.powerState')?.text ?? '',
    template: properties.get('config.template')?.text === 'true',
  }));
}
