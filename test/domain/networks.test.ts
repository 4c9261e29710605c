import { expect, test } from '@jest/globals';
import { domainOfMachine } from '../../src/domain/domain-of-machine.ts';
import type { NetworkOptions } from '../../src/domain/networks.ts';
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
    'The source network VM Network becomes the libvirt network default in the domain; --network selects another.',
    'The source network DMZ becomes the libvirt network default in the domain; --network selects another.',
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
