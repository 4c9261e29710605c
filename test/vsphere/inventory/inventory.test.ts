import { expect, test } from '@jest/globals';
import { findVms, matchInventory } from '../../../src/vsphere/inventory/find-vms.ts';
import { decodeInventoryName, type InventoryVm } from '../../../src/vsphere/inventory/inventory.ts';
import type { VsphereClient } from '../../../src/vsphere/session/vsphere-client.ts';

function vm(moRef: string, inventoryPath: string): InventoryVm {
  const ref = { type: 'VirtualMachine', value: moRef };
  const name = decodeInventoryName(inventoryPath.slice(inventoryPath.lastIndexOf('/') + 1));
  return { ref, name, inventoryPath, content: { ref, properties: new Map(), missing: new Map() } };
}

const INVENTORY = [
  vm('vm-1', '/DC/vm/web-01'),
  vm('vm-2', '/DC/vm/web-02'),
  vm('vm-3', '/DC/vm/lab/web-01'),
  vm('vm-4', '/DC/vm/a%2fb'),
  vm('vm-5', '/DC/vm/100%25'),
  vm('vm-6', '/DC/vm/[old] db*'),
];

const matches = (word: string) => matchInventory(word, INVENTORY).map(({ ref }) => ref.value);
const offline = undefined as unknown as VsphereClient;
const find = (word: string) => findVms(offline, word, INVENTORY, new AbortController().signal);

test('a name, a path and a glob over either are found', () => {
  expect(matches('web-02')).toEqual(['vm-2']);
  expect(matches('/DC/vm/lab/web-01')).toEqual(['vm-3']);
  expect(matches('DC/vm/lab/web-01')).toEqual(['vm-3']);
  expect(matches('web-*')).toEqual(['vm-1', 'vm-2', 'vm-3']);
  expect(matches('/DC/vm/web-0?')).toEqual(['vm-1', 'vm-2']);
  expect(matches('/DC/**/web-01')).toEqual(['vm-1', 'vm-3']);
});

test('a wildcard stands for a leading dot too, in names and in folders', () => {
  const dotted = [vm('vm-1', '/DC/vm/.web'), vm('vm-2', '/DC/vm/.old/db'), vm('vm-3', '/DC/vm/.old/.db')];
  const found = (word: string) => matchInventory(word, dotted).map(({ ref }) => ref.value);
  expect(found('*')).toEqual(['vm-1', 'vm-2', 'vm-3']);
  expect(found('?web')).toEqual(['vm-1']);
  expect(found('/DC/**')).toEqual(['vm-1', 'vm-2', 'vm-3']);
  expect(found('/DC/vm/*/db')).toEqual(['vm-2']);
  expect(found('DC/vm/**/*db')).toEqual(['vm-2', 'vm-3']);
  expect(found('.[wd]*')).toEqual(['vm-1', 'vm-3']);
});

test('a slash and a percent sign in a name are found as a person writes them, and as the server does', () => {
  expect(matches('a/b')).toEqual(['vm-4']);
  expect(matches('a%2fb')).toEqual(['vm-4']);
  expect(matches('100%')).toEqual(['vm-5']);
});

test('a name that looks like a glob is found as a name first', () => {
  expect(matches('[old] db*')).toEqual(['vm-6']);
});

test('an ambiguous name lists the inventory paths', async () => {
  await expect(find('web-01')).rejects.toMatchObject({
    kind: 'not-found',
    message: '"web-01" names 2 VMs: /DC/vm/web-01, /DC/vm/lab/web-01.',
  });
});

test('a name that is not there suggests near ones', async () => {
  await expect(find('wbe-02')).rejects.toMatchObject({
    kind: 'not-found',
    hint: 'Did you mean "web-02"?',
  });
  await expect(find('zzzzzz')).rejects.toMatchObject({ hint: expect.stringContaining('`hyper2kvm list`') });
});
