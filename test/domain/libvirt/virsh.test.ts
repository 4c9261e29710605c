import { chmod, readFile, rm, writeFile } from 'node:fs/promises';
import { delimiter, dirname, join } from 'node:path';
import { afterEach, beforeEach, expect, test } from '@jest/globals';
import { domainXml } from '../../../src/domain/libvirt/domain-xml.ts';
import { defineDomain, listDomains } from '../../../src/domain/libvirt/virsh.ts';
import { checkDefinable } from '../../../src/operations/domain/define-domain.ts';
import { testWithOracle } from '../../oracles/oracle.ts';
import { domainOn, sampleMachine } from '../sample-machines.ts';
import { makeTemporaryFolder } from '../../temporary-folder.ts';

/** libvirt's test driver. It has one running domain, and its state ends with each virsh process. */
const URI = 'test:///default';
const ITS_OWN = { name: 'test', uuid: '6695eb01-f6a4-8304-79aa-97f2502e193f' };
const SIGNAL = new AbortController().signal;

let folder: string;
beforeEach(async () => {
  folder = await makeTemporaryFolder('h2k-virsh-');
});
afterEach(() => rm(folder, { recursive: true }));

/** Creates a virsh that runs `script`. */
async function fakeVirsh(script: string): Promise<{ uri: string; env: NodeJS.ProcessEnv }> {
  const path = join(folder, 'virsh');
  await writeFile(path, `#!/bin/sh\n${script}\n`);
  await chmod(path, 0o755);
  return { uri: 'qemu:///system', env: { PATH: [folder, '/usr/bin', '/bin'].join(delimiter) } };
}

testWithOracle('virsh', 'libvirt tells its domains, and takes one that is written here', async ({ virsh }) => {
  const connection = { uri: URI, env: { PATH: dirname(virsh) } };
  expect(await listDomains(connection, SIGNAL)).toEqual([ITS_OWN]);
  const path = join(folder, 'web 01.xml');
  await writeFile(path, domainXml(domainOn(sampleMachine(), 'virtio').facts));
  await defineDomain(connection, path, SIGNAL);
  await writeFile(path, '<domain><name>x</name></domain>');
  await expect(defineDomain(connection, path, SIGNAL)).rejects.toMatchObject({
    kind: 'host',
    message: expect.stringMatching(/^libvirt at test:\/\/\/default does not accept .*web 01\.xml: .+/),
  });
  await expect(listDomains({ ...connection, uri: 'test:///no/such.xml' }, SIGNAL)).rejects.toMatchObject({
    kind: 'host',
    message: expect.stringMatching(/^libvirt at test:\/\/\/no\/such.xml does not respond: /),
  });
});

testWithOracle(
  'virsh',
  'another VM’s domain is never replaced, the same one’s with --force only',
  async ({ virsh }) => {
    const check = (name: string, uuid: string | undefined, force: boolean): Promise<void> =>
      checkDefinable({ uri: URI, env: { PATH: dirname(virsh) } }, { name, uuid }, force, SIGNAL);
    const other = 'abcdef01-2345-6789-abcd-ef0123456789';
    await check('web', other, false);
    await check('web', undefined, false);
    await check('test', ITS_OWN.uuid.toUpperCase(), true);
    await expect(check('test', ITS_OWN.uuid, false)).rejects.toThrow('already has a domain test');
    for (const force of [true, false]) {
      await expect(check('test', other, force)).rejects.toMatchObject({ kind: 'local-file' });
      await expect(check('test', undefined, force)).rejects.toThrow('has another VM with the name test');
      await expect(check('web', ITS_OWN.uuid, force)).rejects.toThrow('already has this VM, as test');
    }
  },
);

test('the address and the file are arguments, whatever is in them', async () => {
  const connection = await fakeVirsh(`printf '%s\\n' "$@" > ${folder}/args`);
  await defineDomain({ ...connection, uri: '--help; $(x)' }, '/srv/a b.xml', SIGNAL);
  expect(await readFile(join(folder, 'args'), 'utf8')).toBe('--connect=--help; $(x)\ndefine\n/srv/a b.xml\n');
});

test('what virsh says last is in the error', async () => {
  const connection = await fakeVirsh('echo "error: Failed to define" >&2; echo "error: no such network" >&2; exit 1');
  await expect(defineDomain(connection, '/a.xml', SIGNAL)).rejects.toMatchObject({
    kind: 'host',
    message: 'libvirt at qemu:///system does not accept /a.xml: no such network.',
  });
});

test('without virsh the package is named', async () => {
  await expect(listDomains({ uri: URI, env: { PATH: folder } }, SIGNAL)).rejects.toMatchObject({
    kind: 'host',
    message: 'virsh is not installed; --define needs it.',
    hint: expect.stringContaining('libvirt-clients'),
  });
});
