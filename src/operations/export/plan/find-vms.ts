import { createHash } from 'node:crypto';
import { Hyper2kvmError } from '../../../base/errors.ts';
import { uniqueFileNames } from '../../../base/files/file-names.ts';
import { findVms, isGlob, managedVms } from '../../../vsphere/inventory/find-vms.ts';
import { listInventory, type InventoryVm } from '../../../vsphere/inventory/inventory.ts';
import type { VsphereClient } from '../../../vsphere/session/vsphere-client.ts';
import { rememberVms } from '../../known-vms.ts';
import type { NamedVm } from '../../../domain/vm-name.ts';
import type { ExportOptions } from '../types.ts';

/**
 * A VM and the base name of its files. The base name is the VM's name, sanitized and unique within the run, or the name
 * from the command line.
 */
export interface FoundVm {
  vm: InventoryVm;
  baseName: string;
  /** The name of the VM in its descriptor. */
  outputName: string;
  /** Its name, or its inventory path when another VM in the list has the same name. */
  label: string;
  /** Constant for the lifetime of the VM: its instance UUID, or its MoRef when the account may not read the UUID. */
  identity: string;
  /** Another VM in the inventory has the same name. */
  sharesName: boolean;
}

/** The VMs that the command-line arguments match, each once, in order, and the arguments that match none. */
export interface FoundVms {
  found: FoundVm[];
  failures: { word: string; error: Hyper2kvmError }[];
  /** More than one VM was requested, or could have been. Each VM then gets its own folder. */
  several: boolean;
  /** Names of VMs that patterns skip because extensions of the server manage them (vCLS). */
  managed: string[];
  /** Number of VMs in the full list; `found` is the part in this shard. */
  ofVms: number;
}

const INSTANCE_UUID = 'config.instanceUuid';

/**
 * Resolves all VM arguments to VMs.
 * @throws Hyper2kvmError `not-found` for an argument that matches no VM when guests would be shut down; otherwise such
 * arguments are in `failures`.
 */
export async function findAllVms(
  client: VsphereClient,
  {
    vms: words,
    isList = false,
    shard,
    name: asked,
    power,
    connection,
    env,
    networks,
  }: Pick<ExportOptions, 'vms' | 'isList' | 'shard' | 'name' | 'power' | 'connection' | 'env' | 'networks'>,
  signal: AbortSignal,
): Promise<FoundVms> {
  const inventory = await listInventory(client, [INSTANCE_UUID], signal);
  await rememberVms(env, connection.url, inventory);
  const vms = new Map<string, InventoryVm>();
  const failures: FoundVms['failures'] = [];
  for (const word of words) {
    try {
      for (const vm of await findVms(client, word, inventory, signal)) vms.set(vm.ref.value, vm);
    } catch (error) {
      if (!(error instanceof Hyper2kvmError) || error.kind !== 'not-found') throw error;
      failures.push({ word, error });
    }
  }
  const [unknown] = failures;
  if (power.kind === 'shutdown' && unknown !== undefined) throw keptOn(unknown.error);
  // Names are assigned before the list is split into shards: two shards must not both name a VM "web".
  const all = nameEach([...vms.values()], inventory, asked);
  const single = asked !== undefined ? '--name' : networks?.macs !== undefined ? '--mac' : undefined;
  if (single !== undefined && all.length + failures.length > 1) throw oneVm(single, all.length + failures.length);
  const isOwn = (identity: string): boolean => shard === undefined || shardOf(identity, shard.count) === shard.index;
  return {
    found: all.filter(({ identity }) => isOwn(identity)),
    // An argument that matches no VM fails in only one shard.
    failures: failures.filter(({ word }) => isOwn(word)),
    several: isList || words.length > 1 || words.some(isGlob) || shard !== undefined,
    managed: [...new Set(words.flatMap((word) => managedVms(word, inventory)).map(({ name }) => name))],
    ofVms: all.length,
  };
}

/** A mistyped argument may be the one that the user meant most, and a guest shutdown cannot be undone. */
function keptOn(error: Hyper2kvmError): Hyper2kvmError {
  const hint = [
    error.hint,
    'With --shutdown, every name must match a VM before the export starts. No guest was shut down.',
  ];
  return new Hyper2kvmError('not-found', error.message, { hint: hint.filter(Boolean).join(' '), cause: error });
}

function oneVm(flag: string, vms: number): Hyper2kvmError {
  return new Hyper2kvmError('usage', `${flag} applies to one VM, but ${vms} are to be exported.`, {
    hint: `Export them one by one, or omit ${flag}.`,
  });
}

function nameEach(vms: readonly InventoryVm[], inventory: readonly InventoryVm[], asked?: string): FoundVm[] {
  const baseNames = asked === undefined ? uniqueFileNames(vms.map((vm) => vm.name)) : [asked];
  const counts = new Map<string, number>();
  for (const { name } of vms) counts.set(name, (counts.get(name) ?? 0) + 1);
  const known = new Set<string>();
  const shared = new Set<string>();
  for (const { name } of inventory) (known.has(name) ? shared : known).add(name);
  return vms.map((vm, index) => ({
    vm,
    outputName: asked ?? vm.name,
    // A name given by the user is deliberate.
    sharesName: asked === undefined && shared.has(vm.name),
    baseName: baseNames[index] ?? vm.ref.value,
    label: counts.get(vm.name) === 1 ? vm.name : vm.inventoryPath,
    identity: vm.content.properties.get(INSTANCE_UUID)?.text || vm.ref.value,
  }));
}

/**
 * The shard that `identity` belongs to, from 0 to `count` - 1. It depends only on its arguments. An added or removed VM
 * does not move any other VM, and processes that read the inventory at different times agree.
 */
export function shardOf(identity: string, count: number): number {
  return createHash('sha256').update(identity.toLowerCase()).digest().readUIntBE(0, 6) % count;
}

/** The values from which the domain's name is made. */
export function namedVm({ outputName: name, identity, sharesName }: FoundVm): NamedVm {
  return { name, identity, sharesName };
}
