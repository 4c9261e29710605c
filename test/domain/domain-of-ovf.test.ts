import { expect, test } from '@jest/globals';
import { mkdtemp, rm, writeFile } from 'node:fs/promises';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { domainXml } from '../../src/domain/domain-xml.ts';
import { domainOfOvf } from '../../src/operations/convert/domain-of-ovf.ts';
import { readOvf } from '../../src/ovf/ovf-facts.ts';
import { testWithOracle } from '../oracles/oracle.ts';
import { outputOf } from '../oracles/run-program.ts';
import { OVF_2, OVIRT, smallOvf, VIRTUALBOX, VSPHERE } from '../ovf/ovf-samples.ts';

function images(count: number): { path: string; format: 'qcow2' }[] {
  return Array.from({ length: count }, (_, index) => ({ path: `/images/disk-${index + 1}.qcow2`, format: 'qcow2' }));
}

const DEVICES = { bus: 'sata', nicModel: 'e1000e' } as const;

test('the domain of a vSphere machine has its size, firmware, disks in order, MACs and networks', () => {
  expect(domainOfOvf(readOvf(VSPHERE, 'x'), { ...DEVICES, disks: images(3) })).toEqual({
    name: 'web & co',
    uuid: undefined,
    memoryBytes: 6 * 2 ** 30,
    vcpus: 4,
    coresPerSocket: 2,
    firmware: 'uefi',
    secureBoot: true,
    machine: 'q35',
    disks: [
      { path: '/images/disk-1.qcow2', format: 'qcow2', bus: 'sata', bootOrder: undefined },
      { path: '/images/disk-2.qcow2', format: 'qcow2', bus: 'sata', bootOrder: undefined },
      { path: '/images/disk-3.qcow2', format: 'qcow2', bus: 'sata', bootOrder: 2 },
    ],
    nics: [
      { mac: '00:50:56:ab:cd:ef', model: 'e1000e', network: 'VM Network' },
      { mac: undefined, model: 'e1000e', network: 'default' },
    ],
    guestId: 'debian12_64Guest',
  });
});

test('networks can be given other names; memory that is not told is 2 GiB', () => {
  const networkOf = (network: string): string => ({ 'VM Network': 'br-lan' })[network] ?? 'default';
  const vsphere = domainOfOvf(readOvf(VSPHERE, 'x'), { ...DEVICES, disks: images(3), networkOf });
  expect(vsphere.nics.map(({ network }) => network)).toEqual(['br-lan', 'default']);
  expect(domainOfOvf(readOvf(smallOvf(), 'x'), { ...DEVICES, disks: [] }).memoryBytes).toBe(2 * 2 ** 30);
});

test('there must be an image for each disk', () => {
  expect(() => domainOfOvf(readOvf(VSPHERE, 'x'), { ...DEVICES, disks: images(2) })).toThrow(RangeError);
});

testWithOracle('virt-xml-validate', 'libvirt’s schema accepts the domain of every sample', async (paths) => {
  const folder = await mkdtemp(join(tmpdir(), 'h2k-domain-'));
  try {
    for (const text of [VSPHERE, VIRTUALBOX, OVF_2, OVIRT, smallOvf()]) {
      const facts = readOvf(text, 'x');
      const file = join(folder, 'domain.xml');
      await writeFile(file, domainXml(domainOfOvf(facts, { ...DEVICES, disks: images(facts.disks.length) })));
      await outputOf(paths['virt-xml-validate'], [file, 'domain']);
    }
  } finally {
    await rm(folder, { recursive: true });
  }
});
