import { createHash } from 'node:crypto';
import { Hyper2kvmError } from '../../../base/errors.ts';
import { uniqueFileNames } from '../../../base/files/file-names.ts';
import { findVms, isGlob, managedVms } from '../../../vsphere/inventory/find-vms.ts';
import { listInventory, type InventoryVm } from '../../../vsphere/inventory/inventory.ts';
import type { VsphereClient } from '../../../vsphere/session/vsphere-client.ts';
import { rememberVms } from '../../known-vms.ts';
import type { NamedVm } from '../../../domain/vm-name.ts';
import type { ExportOptions } from '../types.ts';

/** A VM, and what the names of its files begin with: its own name, made safe, and unlike that of any other VM of this run; or the one that was asked for. */
export interface FoundVm {
  vm: InventoryVm;
  baseName: string;
  /** What its descriptor calls it. */
  outputName: string;
  /** Its name, or its inventory path where another VM of the list has the same name. */
  label: string;
  /** The same as long as the VM lives: its instance UUID; where the account may not read that, its MoRef. */
  identity: string;
  /** Another VM of the inventory has the same name. */
  sharesName: boolean;
}

/** The VMs that the command line's words mean, each once, in their order; and the words that mean none. */
export interface FoundVms {
  found: FoundVm[];
  failures: { word: string; error: Hyper2kvmError }[];
  /** More than one VM was asked for, or could have been: each then gets a folder of its own. */
  several: boolean;
  /** Names of VMs that patterns skip, since extensions of the server manage them (vCLS). */
  managed: string[];
  /** VMs of the whole list, of which `found` is the share of one shard. */
  ofVms: number;
}

const INSTANCE_UUID = 'config.instanceUuid';

/** @throws Hyper2kvmError `not-found` for a word that means no VM where guests would be shut down; else such words are `failures`. */
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
  }: Pick<ExportOptions, 'vms' | 'isList' | 'shard' | 'name' | 'power' | 'connection' | 'env'>,
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
  // Names are given before the list is divided: two shards must not both call a VM "web".
  const all = nameEach([...vms.values()], inventory, asked);
  if (asked !== undefined && all.length + failures.length > 1) throw oneName(all.length + failures.length);
  const isOwn = (identity: string): boolean => shard === undefined || shardOf(identity, shard.count) === shard.index;
  return {
    found: all.filter(({ identity }) => isOwn(identity)),
    // A word that means no VM fails in one shard and not in all.
    failures: failures.filter(({ word }) => isOwn(word)),
    several: isList || words.length > 1 || words.some(isGlob) || shard !== undefined,
    managed: [...new Set(words.flatMap((word) => managedVms(word, inventory)).map(({ name }) => name))],
    ofVms: all.length,
  };
}

/** A name that is mistyped may be the only one that was meant: a guest that is shut down cannot be given back. */
function keptOn(error: Hyper2kvmError): Hyper2kvmError {
  const hint = [
    error.hint,
    'With --shutdown, every name must match a VM before the export starts. No guest was shut down.',
  ];
  return new Hyper2kvmError('not-found', error.message, { hint: hint.filter(Boolean).join(' '), cause: error });
}

function oneName(vms: number): Hyper2kvmError {
  return new Hyper2kvmError('usage', `--name applies to one VM, but ${vms} are to be exported.`, {
    hint: 'Export them one by one, or omit --name.',
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
    // Whoever gives a name has chosen one.
    sharesName: asked === undefined && shared.has(vm.name),
    baseName: baseNames[index] ?? vm.ref.value,
    label: counts.get(vm.name) === 1 ? vm.name : vm.inventoryPath,
    identity: vm.content.properties.get(INSTANCE_UUID)?.text || vm.ref.value,
  }));
}

/**
 * Which of `count` shares `identity` belongs to, from 0. It depends on nothing else: a VM that comes or goes moves no other one, and processes that see the inventory at
 * different times never disagree.
 */
export function shardOf(identity: string, count: number): number {
  return createHash('sha256').update(identity.toLowerCase()).digest().readUIntBE(0, 6) % count;
}

/** What its domain's name is made of. */
export function namedVm({ outputName: name, identity, sharesName }: FoundVm): NamedVm {
  return { name, identity, sharesName };
}
