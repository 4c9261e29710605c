import { mkdir, readdir, utimes, writeFile } from 'node:fs/promises';
import { join } from 'node:path';
import { expect, test } from '@jest/globals';
import { knownVms, rememberVms } from '../../src/operations/known-vms.ts';
import { ScratchFolder } from './export/export-run.ts';

const SERVER = new URL('https://vc.example.com/sdk');
const OTHER = new URL('https://[2001:db8::1]:8443/sdk');

function vm(name: string, folder = '/DC0/vm') {
  return { name, inventoryPath: `${folder}/${name}` };
}

test('VMs are known by name, or by path where the name does not say which one is meant', async () => {
  await using scratch = await ScratchFolder.make();
  const env = { XDG_STATE_HOME: scratch.path, HYPER2KVM_URL: SERVER.href };
  await rememberVms(env, SERVER, [vm('web 1'), vm('twin'), vm('twin', '/DC1/vm'), vm('-k')]);
  expect(await knownVms(env, '')).toEqual(['web 1', '/DC0/vm/twin', '/DC1/vm/twin', '/DC0/vm/-k']);
  expect(await knownVms(env, '/D')).toEqual(['/DC0/vm/web 1', '/DC0/vm/twin', '/DC1/vm/twin', '/DC0/vm/-k']);
});

test('names that cannot be typed, or that hide what they are, are left out', async () => {
  await using scratch = await ScratchFolder.make();
  const env = { XDG_STATE_HOME: scratch.path };
  await rememberVms(env, SERVER, [vm('a\nb'), vm('a\tb'), vm('\x1b[2J'), vm('\u202egpj'), vm('Zürich 東京')]);
  expect(await knownVms(env, '')).toEqual(['Zürich 東京']);
});

test('each server has its VMs; without a server in the environment those that were seen last are known', async () => {
  await using scratch = await ScratchFolder.make();
  const env = { XDG_STATE_HOME: scratch.path };
  await rememberVms(env, OTHER, [vm('other')]);
  await rememberVms(env, SERVER, [vm('first'), vm('second')]);
  await rememberVms(env, SERVER, [vm('first')]);
  const folder = join(scratch.path, 'hyper2kvm', 'vm-names');
  for (const file of await readdir(folder)) await utimes(join(folder, file), 1, file.startsWith('vc') ? 1000 : 2000);
  expect(await knownVms(env, '')).toEqual(['other']);
  expect(await knownVms({ ...env, GOVC_URL: 'joe:geheim@vc.example.com' }, '')).toEqual(['first']);
  expect(await knownVms({ ...env, HYPER2KVM_URL: OTHER.host, GOVC_URL: 'vc.example.com' }, '')).toEqual(['other']);
  expect(await knownVms({ ...env, HYPER2KVM_URL: 'third.example' }, '')).toEqual([]);
});

test('before the first inventory no VM is known', async () => {
  await using scratch = await ScratchFolder.make();
  expect(await knownVms({ XDG_STATE_HOME: scratch.path }, '')).toEqual([]);
});

test('a state folder that cannot be written costs the names and nothing else', async () => {
  await using scratch = await ScratchFolder.make();
  await mkdir(join(scratch.path, 'hyper2kvm'));
  await writeFile(join(scratch.path, 'hyper2kvm', 'vm-names'), 'a file where the folder should be');
  await rememberVms({ XDG_STATE_HOME: scratch.path }, SERVER, [vm('web')]);
});
