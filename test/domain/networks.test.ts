import { expect, test } from '@jest/globals';
import { rm, writeFile } from 'node:fs/promises';
import { join } from 'node:path';
import { domainOfMachine } from '../../src/domain/domain-of-machine.ts';
import { domainXml } from '../../src/domain/libvirt/domain-xml.ts';
import { requireKnownMacs, type NetworkOptions } from '../../src/domain/networks.ts';
import { testWithOracle } from '../oracles/oracle.ts';
import { outputOf } from '../oracles/run-program.ts';
import { makeTemporaryFolder } from '../temporary-folder.ts';
import { sampleMachine } from './sample-machines.ts';

function made(networks: NetworkOptions | undefined, sources: (string | undefined)[]) {
  const nics = sources.map((network) => ({ mac: undefined, model: 'vmxnet3', network }));
  const images = [1, 2].map((at) => ({ path: `/d/${at}.qcow2`, format: 'qcow2' as const }));
  const { facts, notes } = domainOfMachine(sampleMachine({ nics }), { images, hardware: 'virtio', networks });
  return { networks: facts.nics.map(({ network }) => network), notes };
}

test('without an option all cards are on the network that every libvirt has, and the source’s are told once', () => {
  const { networks, notes } = made(undefined, ['VM Network', 'VM Network', 'DMZ', undefined, 'default']);
  expect(networks).toEqual(Array.from({ length: 5 }, () => 'default'));
  expect(notes).toEqual([
    'The source network VM Network becomes the libvirt network default in the domain; --network or --bridge selects another.',
    'The source network DMZ becomes the libvirt network default in the domain; --network or --bridge selects another.',
  ]);
});

test('a network of its own comes before the one for the rest', () => {
  const of = new Map([['DMZ', 'br-dmz']]);
  expect(made({ all: 'br0', of }, ['DMZ', 'VM Network', undefined])).toEqual({
    networks: ['br-dmz', 'br0', 'br0'],
    notes: [],
  });
  expect(made({ of }, ['DMZ', undefined])).toEqual({ networks: ['br-dmz', 'default'], notes: [] });
});

test('a name that no card is on is told', () => {
  expect(made({ all: 'br0', of: new Map([['DNZ', 'x']]) }, ['DMZ']).notes).toEqual([
    '--network names DNZ, but no NIC of the source is on that network.',
  ]);
});

const MACS = ['00:50:56:01:02:01', '00:50:56:01:02:02', '00:50:56:01:02:03', '00:50:56:01:02:04'] as const;

/** Four NICs, three of them on two networks of the source. */
function bridged(requested: NetworkOptions) {
  const nics = ['VM Network', 'DMZ', 'DMZ', undefined].map((network, at) => ({
    mac: MACS[at],
    model: 'vmxnet3',
    network,
  }));
  const images = [1, 2].map((at) => ({ path: `/d/${at}.qcow2`, format: 'qcow2' as const }));
  const { facts, notes } = domainOfMachine(sampleMachine({ nics }), {
    images,
    hardware: 'virtio',
    networks: requested,
  });
  return { facts, notes, connections: facts.nics.map(({ network, bridge }) => network ?? [bridge]) };
}

test('a bridge is chosen as a network is, and a MAC address comes before both', () => {
  const of = new Map([['VM Network', 'lan']]);
  const bridges = { all: 'br0', of: new Map([['DMZ', 'br-dmz']]) };
  expect(bridged({ of, bridges }).connections).toEqual(['lan', ['br-dmz'], ['br-dmz'], ['br0']]);
  const macs = new Map([
    [MACS[0], { bridge: 'br7' }],
    [MACS[2], { network: 'own' }],
  ]);
  expect(bridged({ of, bridges, macs })).toMatchObject({
    connections: [['br7'], ['br-dmz'], 'own', ['br0']],
    notes: [],
  });
  expect(bridged({ of: new Map(), bridges: { of: new Map([['DNZ', 'br1']]) } }).notes).toContain(
    '--bridge names DNZ, but no NIC of the source is on that network.',
  );
});

test('a MAC address that no NIC has is an error, which lists those that there are', () => {
  const networks = { of: new Map(), macs: new Map([['00:50:56:00:00:00', { network: 'x' }]]) };
  const nics = [{ mac: '00:50:56:AB:CD:EF', network: undefined }];
  expect(() => requireKnownMacs('web', nics, networks)).toThrow(
    expect.objectContaining({
      kind: 'usage',
      message: '--mac names 00:50:56:00:00:00, but no NIC of web has that MAC address.',
      hint: 'Its NICs have: 00:50:56:ab:cd:ef.',
    }),
  );
  const macs = new Map([['00:50:56:ab:cd:ef', { network: 'x' }]]);
  expect(() => requireKnownMacs('web', nics, { ...networks, macs })).not.toThrow();
});

testWithOracle('virt-xml-validate', 'libvirt’s schema takes a domain with bridges and networks', async (oracles) => {
  const folder = await makeTemporaryFolder('h2k-bridges-');
  try {
    const path = join(folder, 'web.xml');
    const macs = new Map([[MACS[3], { network: 'own' }]]);
    const { facts } = bridged({ of: new Map([['DMZ', 'dmz']]), bridges: { all: 'br0', of: new Map() }, macs });
    const text = domainXml(facts);
    expect(text.match(/<interface type="bridge">/g)).toHaveLength(1);
    expect(text).toContain('<source bridge="br0"/>');
    await writeFile(path, text);
    await outputOf(oracles['virt-xml-validate'], [path]);
    await writeFile(path, text.replace('<source bridge="br0"/>', '<source/>'));
    await expect(outputOf(oracles['virt-xml-validate'], [path])).rejects.toThrow();
  } finally {
    await rm(folder, { recursive: true });
  }
});
