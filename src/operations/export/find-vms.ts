import { Hyper2kvmError } from '../../base/errors.ts';
import { uniqueFileNames } from '../../base/file-names.ts';
import { findVms, isGlob, listInventory, type InventoryVm } from '../../vsphere/inventory.ts';
import type { VsphereClient } from '../../vsphere/vsphere-client.ts';
import { rememberVms } from '../known-vms.ts';
import type { ExportOptions } from './types.ts';

/** A VM, and what the names of its files begin with: its own name, made safe, and unlike that of any other VM of this run. */
export interface FoundVm {
  vm: InventoryVm;
  baseName: string;
}

/** The VMs that the command line's words mean, each once, in their order; and the words that mean none. */
export interface FoundVms {
  found: FoundVm[];
  failures: { word: string; error: Hyper2kvmError }[];
  /** More than one VM was asked for, or could have been: each then gets a folder of its own. */
  several: boolean;
}

export async function findAllVms(
  client: VsphereClient,
  { vms: words, connection, env }: Pick<ExportOptions, 'vms' | 'connection' | 'env'>,
  signal: AbortSignal,
): Promise<FoundVms> {
  const inventory = await listInventory(client, [], signal);
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
  const baseNames = uniqueFileNames([...vms.values()].map((vm) => vm.name));
  const found = [...vms.values()].map((vm, index) => ({ vm, baseName: baseNames[index] ?? vm.ref.value }));
  return { found, failures, several: words.length > 1 || words.some(isGlob) };
}
