import type { VmController } from '../../src/base/vm-config.ts';
import { expect, test } from '@jest/globals';
import { domainOfMachine } from '../../src/domain/domain-of-machine.ts';
import { domainXml } from '../../src/domain/libvirt/domain-xml.ts';
import { readDomain } from '../../src/domain/libvirt/read-domain.ts';
import { matchNics } from '../../src/guest/linux/network/match-nics.ts';
import { describedByVmx, machineOf } from '../../src/operations/convert/described-machine.ts';
import { readVmx } from '../../src/ovf/vmx/vmx-facts.ts';
import { inPciOrder, type OrderedNic } from '../../src/operations/nic-order.ts';

const vmxnet3 = (pciSlotNumber?: number): OrderedNic => ({ model: 'vmxnet3', pciSlotNumber });
const e1000 = (pciSlotNumber?: number): OrderedNic => ({ model: 'e1000', pciSlotNumber });
const PVSCSI: VmController = { kind: 'pvscsi', address: 0 };

/** Returns the indexes of the NICs (0 is `ethernet0`) in the order in which Linux detects them. */
const orderOf = (nics: OrderedNic[], controllers: VmController[] = []): number[] =>
  inPciOrder(nics, controllers).map((nic) => nics.indexOf(nic));

test('NICs are in the order of their slots’ PCI addresses', () => {
  expect(orderOf([vmxnet3(224), vmxnet3(192)])).toEqual([1, 0]);
  expect(orderOf([vmxnet3(192), vmxnet3(224)])).toEqual([0, 1]);
  // 1184 is the second function of the bridge of 160. Its bus number is lower than that of 192.
  expect(orderOf([vmxnet3(160), vmxnet3(192), vmxnet3(224), vmxnet3(256), vmxnet3(1184)])).toEqual([0, 4, 1, 2, 3]);
  expect(orderOf([vmxnet3(160), e1000(33)])).toEqual([1, 0]);
});

test('a NIC without a number is in the slot that VMware would give it', () => {
  expect(orderOf([vmxnet3(), vmxnet3()])).toEqual([0, 1]);
  expect(orderOf([vmxnet3(), e1000()])).toEqual([1, 0]);
  // Five NICs are in 160, 192, 224, 256 and 1184.
  // With a disk controller in 160, four NICs are in 192, 224, 256 and 1184.
  expect(orderOf(Array.from({ length: 5 }, () => vmxnet3()))).toEqual([0, 4, 1, 2, 3]);
  expect(
    orderOf(
      Array.from({ length: 4 }, () => vmxnet3()),
      [PVSCSI, PVSCSI],
    ),
  ).toEqual([3, 0, 1, 2]);
  expect(orderOf([vmxnet3(192), vmxnet3()], [{ ...PVSCSI, pciSlotNumber: 160 }])).toEqual([0, 1]);
  expect(orderOf([vmxnet3(224), vmxnet3()], [{ ...PVSCSI, pciSlotNumber: 160 }])).toEqual([1, 0]);
});

test('a slot at an unknown place comes last, and other machines than VMware’s keep their order', () => {
  expect(orderOf([vmxnet3(5000), vmxnet3(192)])).toEqual([1, 0]);
  expect(orderOf([{ model: 'e1000e' }, { model: 'virtio' }, { model: 'e1000' }])).toEqual([0, 1, 2]);
  expect(orderOf([{ model: '' }, { model: '' }])).toEqual([0, 1]);
});

/** `ethernet0` is on the network `green` and in the higher slot. */
const CROSSWISE = `displayName = "crosswise"
guestOS = "debian12-64"
virtualHW.version = "19"
memSize = "512"
scsi0.present = "TRUE"
scsi0.virtualDev = "pvscsi"
scsi0.pciSlotNumber = "160"
scsi0:0.present = "TRUE"
scsi0:0.fileName = "disk.vmdk"
ethernet0.present = "TRUE"
ethernet0.virtualDev = "vmxnet3"
ethernet0.networkName = "green"
ethernet0.addressType = "static"
ethernet0.address = "00:50:56:00:00:0a"
ethernet0.pciSlotNumber = "224"
ethernet1.present = "TRUE"
ethernet1.virtualDev = "vmxnet3"
ethernet1.networkName = "blue"
ethernet1.addressType = "static"
ethernet1.address = "00:50:56:00:00:0b"
ethernet1.pciSlotNumber = "192"
`;

test.each(['virtio', 'source', 'sata'] as const)('on %s, eth0 is the NIC in the lower slot', (hardware) => {
  const [green, blue] = ['00:50:56:00:00:0a', '00:50:56:00:00:0b'];
  const described = describedByVmx(readVmx(Buffer.from(CROSSWISE), 'crosswise.vmx'));
  expect(matchNics([{ name: 'eth0' }, { name: 'eth1' }], described.nics, true).bindings).toEqual([
    { name: 'eth0', mac: blue },
    { name: 'eth1', mac: green },
  ]);
  const networks = {
    of: new Map([
      ['green', 'net-green'],
      ['blue', 'net-blue'],
    ]),
  };
  const images = [{ path: '/d/1.qcow2', format: 'qcow2' }] as const;
  const { facts } = domainOfMachine(machineOf(described), { images: [...images], hardware, networks });
  expect(facts.nics.map(({ mac, network }) => [mac, network])).toEqual([
    [blue, 'net-blue'],
    [green, 'net-green'],
  ]);
  expect(readDomain(domainXml(facts), 'crosswise.xml').nics.map(({ mac }) => mac)).toEqual([blue, green]);
});
