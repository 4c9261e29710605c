import { foreignText } from '../base/text/foreign-text.ts';
import type { ConnectionSettings } from '../vsphere/connection/connection-settings.ts';
import { matchInventory } from '../vsphere/inventory/find-vms.ts';
import { listInventory, type InventoryVm } from '../vsphere/inventory/inventory.ts';
import { decodeDisks } from '../vsphere/vm/virtual-disk.ts';
import { CleanUp } from './clean-up.ts';
import { rememberVms } from './known-vms.ts';
import type { ListedVm } from './list-types.ts';
import type { OperationContext, WarningEvent } from './operation-context.ts';
import { openSession } from './server-session.ts';

const PATHS = [
  'runtime.powerState',
  'config.template',
  'config.guestFullName',
  'config.instanceUuid',
  'config.uuid',
  'config.hardware.device',
  'config.hardware.numCPU',
  'config.hardware.memoryMB',
];
const MIB = 1024 * 1024;

/**
 * The VMs and templates that the account can see, by inventory path; with `glob` only those whose name or path
 * matches.
 */
export async function listVms(
  options: { connection: ConnectionSettings; glob: string | undefined; env: NodeJS.ProcessEnv },
  { signal, report }: OperationContext<WarningEvent>,
): Promise<ListedVm[]> {
  await using cleanUp = new CleanUp((message) => report({ type: 'warning', message }));
  const client = await openSession(options.connection, cleanUp, signal);
  const inventory = await listInventory(client, PATHS, signal);
  await rememberVms(options.env, options.connection.url, inventory);
  return (options.glob === undefined ? inventory : matchInventory(options.glob, inventory)).map(toListedVm);
}

function toListedVm({ name, inventoryPath, ref, content, managedBy = '' }: InventoryVm): ListedVm {
  const text = (path: string) => foreignText(content.properties.get(path)?.text ?? '');
  const devices = content.properties.get('config.hardware.device')?.elements ?? [];
  return {
    name,
    inventoryPath,
    moRef: ref.value,
    powerState: text('runtime.powerState'),
    template: text('config.template') === 'true',
    guest: text('config.guestFullName'),
    disks: decodeDisks(devices).map(({ label, capacityBytes }) => ({ label, capacityBytes })),
    cpus: Number(text('config.hardware.numCPU')),
    memoryBytes: Number(text('config.hardware.memoryMB')) * MIB,
    instanceUuid: text('config.instanceUuid'),
    biosUuid: text('config.uuid'),
    managedBy: foreignText(managedBy),
    unreadable: content.missing.has('runtime.powerState'),
  };
}
