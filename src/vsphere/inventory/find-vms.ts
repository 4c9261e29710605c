import { matchesGlob } from 'node:path';
import { distance } from 'fastest-levenshtein';
import { Hyper2kvmError } from '../../base/errors.ts';
import { readProperties } from '../session/properties.ts';
import type { VsphereClient } from '../session/vsphere-client.ts';
import { isFault } from '../soap/fault.ts';
import { refOf } from '../soap/soap-envelope.ts';
import type { MoRef } from '../soap/wsdl-types.ts';
import type { InventoryVm } from './inventory.ts';

const UUID = /^[0-9a-f]{8}-[0-9a-f]{4}-[0-9a-f]{4}-[0-9a-f]{4}-[0-9a-f]{12}$/i;
/** vCenter uses `vm-42`; ESXi uses plain numbers. */
const MO_REF = /^(vm-\d+|\d+)$/;

/**
 * Finds the VMs that a command-line argument names: an inventory path, a name, a glob over either, a MoRef, or a BIOS
 * or instance UUID. A glob may match several VMs; any other argument must match exactly one.
 * @throws Hyper2kvmError `not-found`, with similar names, or with the paths when several VMs match.
 */
export async function findVms(
  client: VsphereClient,
  word: string,
  inventory: readonly InventoryVm[],
  signal: AbortSignal,
): Promise<InventoryVm[]> {
  const matching = matchInventory(word, inventory);
  const named = matching.filter((vm) => vm.managedBy === undefined || isNamed(vm, word));
  if (named.length === 0 && matching.length > 0) throw onlyManaged(word, matching);
  const found = named.length > 0 ? named : await findByIdentity(client, word, inventory, signal);
  if (found.length === 0) throw nothingFound(word, inventory);
  if (found.length > 1 && !isGlob(word)) throw ambiguous(word, found);
  return found;
}

/** True when the argument is a glob pattern. */
export function isGlob(word: string): boolean {
  return /[*?[]/.test(word);
}

/** VMs whose path or name equals the argument, or matches it as a glob. */
export function matchInventory(word: string, inventory: readonly InventoryVm[]): InventoryVm[] {
  const exact = inventory.filter((vm) => isNamed(vm, word));
  if (exact.length > 0 || !isGlob(word)) return exact;
  const isPath = word.includes('/');
  const pattern = isPath && !word.startsWith('/') ? `/${word}` : word;
  return inventory.filter((vm) => matchesGlob(undotted(isPath ? vm.inventoryPath : keptName(vm)), undotted(pattern)));
}

/**
 * As in a shell, a wildcard of `matchesGlob` does not match a leading dot. An inventory has no hidden names, so this
 * prefixes each part with a letter: then no part begins with a dot.
 */
function undotted(path: string): string {
  return path
    .split('/')
    .map((part) => (part === '' || part === '**' ? part : `n${part}`))
    .join('/');
}

function isNamed(vm: InventoryVm, word: string): boolean {
  return vm.inventoryPath === word || vm.inventoryPath.slice(1) === word || vm.name === word || keptName(vm) === word;
}

/** VMs that match a pattern but are skipped: server extensions create them for their own use and replace them at any time. */
export function managedVms(word: string, inventory: readonly InventoryVm[]): InventoryVm[] {
  return matchInventory(word, inventory).filter((vm) => vm.managedBy !== undefined && !isNamed(vm, word));
}

/** The last part of an inventory path. It contains no slash, because the server writes a slash in a name as `%2f`. */
function keptName(vm: InventoryVm): string {
  return vm.inventoryPath.slice(vm.inventoryPath.lastIndexOf('/') + 1);
}

async function findByIdentity(
  client: VsphereClient,
  word: string,
  inventory: readonly InventoryVm[],
  signal: AbortSignal,
): Promise<InventoryVm[]> {
  const refs: MoRef[] = [];
  if (MO_REF.test(word) && (await exists(client, word, signal))) refs.push({ type: 'VirtualMachine', value: word });
  if (UUID.test(word)) {
    for (const instanceUuid of [true, false]) {
      const args = { _this: client.content.searchIndex, uuid: word, vmSearch: true, instanceUuid };
      const ref = refOf((await client.call('FindByUuid', args, signal)).find('returnval'));
      if (ref) refs.push(ref);
    }
  }
  const wanted = new Set(refs.map((ref) => ref.value));
  return inventory.filter((vm) => wanted.has(vm.ref.value));
}

async function exists(client: VsphereClient, moRef: string, signal: AbortSignal): Promise<boolean> {
  try {
    await readProperties(client, { type: 'VirtualMachine', value: moRef }, ['name'], signal);
    return true;
  } catch (error) {
    if (isFault(error, 'ManagedObjectNotFound')) return false;
    throw error;
  }
}

function nothingFound(word: string, inventory: readonly InventoryVm[]): Hyper2kvmError {
  const limit = Math.max(2, Math.floor(word.length / 3));
  const near = inventory
    .map((vm) => ({ vm, away: distance(word.toLowerCase(), vm.name.toLowerCase()) }))
    .filter(({ vm, away }) => away <= limit || vm.name.toLowerCase().includes(word.toLowerCase()))
    .toSorted((a, b) => a.away - b.away)
    .slice(0, 5);
  return new Hyper2kvmError('not-found', `No VM matches ${JSON.stringify(word)}.`, {
    hint:
      near.length > 0
        ? `Did you mean ${near.map(({ vm }) => JSON.stringify(vm.name)).join(', ')}?`
        : `\`hyper2kvm list\` shows the ${inventory.length === 1 ? 'only VM' : `${inventory.length} VMs`} that this account can see.`,
  });
}

function onlyManaged(word: string, found: readonly InventoryVm[]): Hyper2kvmError {
  const shown = found.slice(0, 10).map(({ name, managedBy }) => `${JSON.stringify(name)} (${managedBy})`);
  const sentence = `${JSON.stringify(word)} matches only VMs that extensions of the server manage: ${shown.join(', ')}.`;
  return new Hyper2kvmError('not-found', sentence, { hint: 'A pattern skips such VMs. Name one to export it.' });
}

function ambiguous(word: string, found: readonly InventoryVm[]): Hyper2kvmError {
  const shown = found.slice(0, 10).map((vm) => vm.inventoryPath);
  const more = found.length > shown.length ? ` and ${found.length - shown.length} more` : '';
  return new Hyper2kvmError(
    'not-found',
    `${JSON.stringify(word)} names ${found.length} VMs: ${shown.join(', ')}${more}.`,
    {
      hint: 'Give the inventory path of the VM.',
    },
  );
}
