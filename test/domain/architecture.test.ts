import { writeFile } from 'node:fs/promises';
import { join } from 'node:path';
import { expect, test } from '@jest/globals';
import { parse } from 'yaml';
import { architectureOf, requireArchitecture } from '../../src/domain/architecture.ts';
import { domainXml } from '../../src/domain/libvirt/domain-xml.ts';
import { chooseHardware } from '../../src/domain/hardware-choice.ts';
import { kubevirtYaml } from '../../src/domain/kubevirt/kubevirt.ts';
import { readDomain } from '../../src/domain/libvirt/read-domain.ts';
import { testWithOracle } from '../oracles/oracle.ts';
import { outputOf } from '../oracles/run-program.ts';
import { ScratchFolder } from '../operations/export/export-run.ts';
import { disksOn, domainOn, sampleMachine } from './sample-machines.ts';

test.each([
  ['arm-ubuntu-64', 'aarch64'],
  ['arm-windows11-64', 'aarch64'],
  ['armDebian12_64Guest', 'aarch64'],
  ['Debian12_arm64', 'aarch64'],
  ['Windows11_arm64', 'aarch64'],
  ['rhel_8_ppc64le', 'ppc64le'],
  ['other_s390x', 's390x'],
  ['debian12_64Guest', 'x86_64'],
  ['Ubuntu_64', 'x86_64'],
  ['darwin21_64Guest', 'x86_64'],
  ['otherGuest', 'x86_64'],
  [undefined, 'x86_64'],
])('the guest id %s means %s', (guestId, architecture) => {
  expect(architectureOf({ guestId })).toBe(architecture);
});

test('the guest’s system in words and VirtualBox’s platform tell ARM too', () => {
  expect(architectureOf({ guestText: 'Ubuntu Linux (64-bit ARM)' })).toBe('aarch64');
  expect(architectureOf({ guestText: 'Debian aarch64' })).toBe('aarch64');
  expect(architectureOf({ guestId: 'Ubuntu', platform: 'ARM' })).toBe('aarch64');
  expect(architectureOf({ guestText: 'Alarm server, Charm edition', platform: 'x86' })).toBe('x86_64');
});

test('what no domain is made for is refused', () => {
  expect(() => requireArchitecture('ppc64le', 'db')).toThrow(
    expect.objectContaining({ kind: 'image', message: expect.stringContaining('ppc64le') }),
  );
});

const ARM = sampleMachine({
  architecture: 'aarch64',
  guestId: 'arm-ubuntu-64',
  firmware: 'bios',
  secureBoot: false,
  tpm: true,
  disks: disksOn('nvme', 'sata'),
  cdRoms: 1,
});

test('a guest for ARM gets a machine virt with UEFI and virtio devices, and a note', () => {
  const { facts, notes } = domainOn(ARM, 'virtio');
  const xml = domainXml(facts);
  expect(xml).toContain('<os firmware="efi">');
  expect(xml).toContain('<type arch="aarch64" machine="virt">hvm</type>');
  expect(xml).not.toMatch(/apic|smm|hyperv|sata|ide"|host-model|vmxnet3/);
  expect(notes[0]).toMatch(/^The guest is for ARM: /);
  expect(() => readDomain(xml, 'web.xml')).toThrow(/is a domain for aarch64/);
});

test('hardware of x86 is never chosen for it', () => {
  for (const wanted of ['auto', 'virtio', 'source', 'sata'] as const) {
    expect(chooseHardware({ wanted, virtioSupport: 'unknown', machine: ARM, devices: undefined }).kind).toBe('virtio');
  }
});

test('in KubeVirt it is scheduled on nodes of ARM', () => {
  const { facts } = domainOn(ARM, 'virtio');
  const { spec } = parse(kubevirtYaml({ facts, networks: ['pod'], virtualSizesBytes: [1, 1] })).spec.template;
  expect(spec).toMatchObject({ architecture: 'arm64', domain: { machine: { type: 'virt' }, features: { acpi: {} } } });
  expect(spec.domain.features).not.toHaveProperty('apic');
});

testWithOracle('virt-xml-validate', 'virt-xml-validate accepts its domain', async (oracles) => {
  await using scratch = await ScratchFolder.make();
  const path = join(scratch.path, 'arm.xml');
  for (const machine of [ARM, { ...ARM, vcpus: 300, coresPerSocket: 2, cdRoms: 0, tpm: false }]) {
    await writeFile(path, domainXml(domainOn(machine, 'virtio').facts));
    await outputOf(oracles['virt-xml-validate'], [path, 'domain']);
  }
});
