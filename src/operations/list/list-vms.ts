import { foreignText } from '../../base/text/foreign-text.ts';
import type { ConnectionSettings } from '../../vsphere/connection/connection-settings.ts';
import { matchInventory } from '../../vsphere/inventory/find-vms.ts';
import { listInventory, type InventoryVm } from '../../vsphere/inventory/inventory.ts';
import type { VsphereClient } from '../../vsphere/session/vsphere-client.ts';
import { readPropertiesOfAll } from '../../vsphere/session/properties.ts';
import { refOf } from '../../vsphere/soap/soap-envelope.ts';
import type { MoRef } from '../../vsphere/soap/wsdl-types.ts';
import { decodeDisks } from '../../vsphere/vm/virtual-disk.ts';
import { decodeVmFacts, VM_FACT_PATHS } from '../../vsphere/vm/vm-facts.ts';
import { inspectVm } from '../export/plan/inspect-vm.ts';
import { Hyper2kvmError } from '../../base/errors.ts';
import { CleanUp } from '../clean-up.ts';
import { rememberVms } from '../known-vms.ts';
import type { ExportCheck, ListedVm } from './list-types.ts';
import type { OperationContext, WarningEvent } from '../operation-context.ts';
import { openSession } from '../server-session.ts';

const PATHS = [
  'runtime.powerState',
  'config.template',
  'config.guestFullName',
  'config.instanceUuid',
  'config.uuid',
  'config.hardware.device',
  'config.hardware.numCPU',
  'config.hardware.memoryMB',
  'config.files.vmPathName',
  'runtime.host',
  'summary.storage.committed',
];
const MIB = 1024 * 1024;

export interface ListOptions {
  connection: ConnectionSettings;
  glob: string | undefined;
  env: NodeJS.ProcessEnv;
  /** Also check whether each VM can be exported. */
  check?: boolean;
}

/**
 * The VMs and templates that the account can see, by inventory path; with `glob` only those whose name or path
 * matches.
 */
export async function listVms(
  { connection, glob, env, check = false }: ListOptions,
  { signal, report }: OperationContext<WarningEvent>,
): Promise<ListedVm[]> {
  await using cleanUp = new CleanUp((message) => report({ type: 'warning', message }));
  const client = await openSession(connection, cleanUp, signal);
  const inventory = await listInventory(client, [...PATHS, ...(check ? VM_FACT_PATHS : [])], signal);
  await rememberVms(env, connection.url, inventory);
  const vms = glob === undefined ? inventory : matchInventory(glob, inventory);
  const hosts = await hostNames(client, vms, signal);
  return vms.map((vm) => ({ ...toListedVm(vm, hosts), ...(check && { check: checkExport(vm) }) }));
}

/** The names of the hosts of these VMs, by reference. */
async function hostNames(
  client: VsphereClient,
  vms: readonly InventoryVm[],
  signal: AbortSignal,
): Promise<Map<string, string>> {
  const refs = new Map<string, MoRef>();
  for (const { content } of vms) {
    const ref = refOf(content.properties.get('runtime.host'));
    if (ref !== undefined) refs.set(ref.value, ref);
  }
  const hosts = await readPropertiesOfAll(client, [...refs.values()], ['name'], signal);
  return new Map(hosts.map(({ ref, properties }) => [ref.value, foreignText(properties.get('name')?.text ?? '')]));
}

/** What a dry run would find, without its output folder. A VM that is not powered off is checked for a snapshot. */
function checkExport({ name, content, managedBy }: InventoryVm): ExportCheck {
  if (managedBy !== undefined) {
    const detail = 'It is managed by an extension of vCenter, and patterns skip it.';
    return { exportable: 'no', problems: [{ detail }], warnings: [] };
  }
  try {
    const facts = decodeVmFacts(content);
    const isOff = facts.powerState === 'poweredOff';
    const power = isOff ? ({ kind: 'as-is' } as const) : ({ kind: 'snapshot', quiesce: false } as const);
    const findings = inspectVm(name, facts, power, { canLeaveOut: true });
    const problems = findings.filter(({ level }) => level === 'error');
    return {
      exportable: problems.length > 0 ? 'no' : isOff ? 'yes' : 'snapshot',
      problems: problems.map(({ detail, hint }) => ({ detail, ...(hint === undefined ? {} : { hint }) })),
      warnings: findings.filter(({ level }) => level === 'warning').map(({ detail }) => detail),
    };
  } catch (error) {
    if (!(error instanceof Hyper2kvmError)) throw error;
    const { message, hint } = error;
    return { exportable: 'no', problems: [{ detail: message, ...(hint === undefined ? {} : { hint }) }], warnings: [] };
  }
}

function toListedVm(
  { name, inventoryPath, ref, content, managedBy = '' }: InventoryVm,
  hosts: ReadonlyMap<string, string>,
): ListedVm {
  const text = (path: string) => foreignText(content.properties.get(path)?.text ?? '');
  const used = content.properties.get('summary.storage.committed');
  const devices = content.properties.get('config.hardware.device')?.elements ?? [];
  const disks = decodeDisks(devices);
  return {
    name,
    inventoryPath,
    moRef: ref.value,
    powerState: text('runtime.powerState'),
    template: text('config.template') === 'true',
    guest: text('config.guestFullName'),
    disks: disks.map(({ label, capacityBytes }) => ({ label, capacityBytes })),
    usedBytes: used === undefined ? null : Number(used.text),
    datastores: datastoresOf([text('config.files.vmPathName'), ...disks.map(({ fileName }) => fileName)]),
    host: hosts.get(refOf(content.properties.get('runtime.host'))?.value ?? '') ?? '',
    folder: inventoryPath.slice(0, inventoryPath.lastIndexOf('/')) || '/',
    cpus: Number(text('config.hardware.numCPU')),
    memoryBytes: Number(text('config.hardware.memoryMB')) * MIB,
    instanceUuid: text('config.instanceUuid'),
    biosUuid: text('config.uuid'),
    managedBy: foreignText(managedBy),
    unreadable: content.missing.has('runtime.powerState'),
  };
}

/** The names in `[datastore] folder/file.vmdk`, each once. */
function datastoresOf(files: readonly string[]): string[] {
  const names = files.flatMap((file) => /^\[([^\]]+)\]/.exec(file)?.[1] ?? []);
  return [...new Set(names.map((name) => foreignText(name)))];
}
