import { expect, test } from '@jest/globals';
import { domainXml } from '../../../src/domain/libvirt/domain-xml.ts';
import { placeNics } from '../../../src/domain/libvirt/nic-places.ts';
import { readDomain } from '../../../src/domain/libvirt/read-domain.ts';
import { domainOn, sampleMachine } from '../sample-machines.ts';

const nicsOf = (...models: string[]) => models.map((model) => ({ model, network: 'default' }));

/**
 * Returns the order in which a guest finds the NICs: first the devices on the root bus, by slot, then those behind the
 * root ports.
 */
function foundOrder(machine: 'q35' | 'pc', ...models: string[]): number[] {
  const { nics, rootPorts } = placeNics({ machine, nics: nicsOf(...models) }) ?? { nics: [], rootPorts: [] };
  const rank = ({ bus, slot }: { bus: number; slot: number }): number =>
    bus === 0 ? slot : 1000 + (rootPorts[bus - 1]?.slot ?? NaN);
  return [...nics.keys()].toSorted(
    (a, b) => rank(nics[a] ?? { bus: 0, slot: NaN }) - rank(nics[b] ?? { bus: 0, slot: NaN }),
  );
}

test('on q35 each NIC is behind a root port of its own, in order', () => {
  expect(placeNics({ machine: 'q35', nics: nicsOf('virtio', 'virtio') })).toEqual({
    nics: [
      { bus: 1, slot: 0 },
      { bus: 2, slot: 0 },
    ],
    rootPorts: [
      { bus: 0, slot: 0x10 },
      { bus: 0, slot: 0x11 },
    ],
  });
});

test('on pc all are on the one bus', () => {
  expect(placeNics({ machine: 'pc', nics: nicsOf('e1000', 'pcnet') })).toEqual({
    nics: [
      { bus: 0, slot: 0x10 },
      { bus: 0, slot: 0x11 },
    ],
    rootPorts: [],
  });
});

test.each([
  [['vmxnet3', 'vmxnet3', 'virtio']],
  [['e1000', 'vmxnet3', 'vmxnet3']],
  [['vmxnet3', 'e1000', 'e1000e']],
  [['pcnet', 'rtl8139']],
])('the guest finds %j in that order', (models) => {
  expect(foundOrder('q35', ...models)).toEqual([...models.keys()]);
  expect(foundOrder('pc', ...models)).toEqual([...models.keys()]);
});

test('ten NICs have places, as on VMware; more are left to libvirt, and so are those of ARM', () => {
  const ten = Array.from({ length: 10 }, () => 'virtio');
  expect(placeNics({ machine: 'q35', nics: nicsOf(...ten) })?.nics).toHaveLength(10);
  expect(placeNics({ machine: 'q35', nics: nicsOf(...ten, 'virtio') })).toBeUndefined();
  expect(placeNics({ machine: 'virt', nics: nicsOf('virtio') })).toBeUndefined();
});

const MACS = ['00:50:56:00:00:01', '00:50:56:00:00:02', '00:50:56:00:00:03'];
const MACHINE = sampleMachine({
  nics: MACS.map((mac, index) => ({ mac, model: ['vmxnet3', 'e1000', 'vmxnet3'][index] ?? '', network: undefined })),
});

test.each(['virtio', 'source', 'sata'] as const)('a domain on %s is read back in the same order', (hardware) => {
  const text = domainXml(domainOn(MACHINE, hardware).facts);
  expect(readDomain(text, 'a.xml').nics.map(({ mac }) => mac)).toEqual(MACS);
  expect(text).toContain('<address type="pci"');
});

const nicAt = (mac: string, bus: string, slot: string) =>
  `<interface type='network'><mac address='${mac}'/><model type='virtio'/><address type='pci' domain='0x0000' bus='${bus}' slot='${slot}' function='0x0'/></interface>`;
const portAt = (index: number, slot: string, pciFunction: string, bus = '0x00') =>
  `<controller type='pci' index='${index}' model='pcie-root-port'><address type='pci' domain='0x0000' bus='${bus}' slot='${slot}' function='${pciFunction}'/></controller>`;
const macsOf = (devices: string) =>
  readDomain(
    `<domain><name>a</name><memory>1024</memory><os><type machine='q35'>hvm</type></os><devices>${devices}</devices></domain>`,
    'a.xml',
  ).nics.map(({ mac, onRootBus }) => [mac, onRootBus]);

test('NICs of a domain are read in the order of their addresses, and not of the elements', () => {
  const [a = '', b = '', c = ''] = MACS;
  const ports = portAt(1, '0x02', '0x1') + portAt(2, '0x02', '0x0');
  expect(macsOf(nicAt(a, '0x01', '0x00') + nicAt(b, '0x02', '0x00') + nicAt(c, '0x00', '0x1c') + ports)).toEqual([
    [c, true],
    [b, false],
    [a, false],
  ]);
  // A PCIe-to-PCI bridge behind a root port, as libvirt creates it for an e1000.
  const bridged = portAt(1, '0x02', '0x0') + portAt(2, '0x00', '0x0', '0x01') + portAt(3, '0x03', '0x0');
  expect(macsOf(nicAt(a, '0x03', '0x00') + nicAt(b, '0x02', '0x01') + bridged).map(([mac]) => mac)).toEqual([b, a]);
  // A NIC to which libvirt has not assigned an address yet. libvirt assigns addresses in document order.
  const bare = `<interface type='network'><mac address='${a}'/></interface>`;
  expect(macsOf(bare + nicAt(b, '0x01', '0x00') + ports)).toEqual([
    [a, undefined],
    [b, false],
  ]);
  expect(macsOf(nicAt(a, '0x09', '0x00') + bare)).toEqual([
    [a, undefined],
    [a, undefined],
  ]);
});
