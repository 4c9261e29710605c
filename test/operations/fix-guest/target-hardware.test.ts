import { expect, test } from '@jest/globals';
import type { DomainSource } from '../../../src/domain/domain-source.ts';
import { targetHardware } from '../../../src/operations/fix-guest/target-hardware.ts';

const MACHINE: DomainSource = {
  name: 'web',
  identity: '1',
  architecture: 'x86_64',
  uuid: undefined,
  guestId: 'debian12_64Guest',
  memoryBytes: 2 ** 30,
  vcpus: 1,
  coresPerSocket: 1,
  firmware: 'uefi',
  secureBoot: true,
  tpm: false,
  disks: [
    { controller: { kind: 'pvscsi', address: 0 }, bootOrder: 1, serial: '6000c29f0000000000000000000000a1' },
    { controller: { kind: 'sata', address: 0 }, bootOrder: 2 },
  ],
  nics: [{ mac: '00:50:56:8A:01:01', model: 'vmxnet3', network: 'VM Network', pciSlotNumber: 192 }],
  cdRoms: 0,
};

test('without a choice a guest has to start on virtio', () => {
  expect(targetHardware(MACHINE, 2, 'auto')).toEqual({
    firmware: 'uefi',
    secureBoot: true,
    disks: [
      { driver: 'virtio_blk', names: 'vd', serial: '6000c29f0000000000000000000000a1' },
      { driver: 'virtio_blk', names: 'vd' },
    ],
    nics: [
      {
        mac: '00:50:56:8a:01:01',
        driver: 'virtio_net',
        sourceSlotNumber: 192,
        network: 'VM Network',
        address: { bus: undefined, device: 0 },
      },
    ],
  });
});

test('with --hardware source or sata it has to start on the drivers of those devices', () => {
  const drivers = (wanted: 'source' | 'sata') => {
    const { disks, nics } = targetHardware(MACHINE, 2, wanted);
    return [...disks, ...(nics ?? [])].map(({ driver }) => driver);
  };
  expect(drivers('source')).toEqual(['vmw_pvscsi', 'ahci', 'vmxnet3']);
  expect(drivers('sata')).toEqual(['ahci', 'ahci', 'e1000e']);
});

test('of a standalone disk image only the number of disks is known', () => {
  expect(targetHardware(undefined, 2, 'auto')).toMatchObject({
    firmware: undefined,
    nics: undefined,
    disks: [{ driver: 'virtio_blk' }, { driver: 'virtio_blk' }],
  });
});

test('NICs have the addresses of the domain: on the root bus they are known, behind a root port the bus is not', () => {
  const nic = MACHINE.nics[0];
  const nics = [
    { ...nic, mac: undefined, model: 'e1000', network: 'A' },
    { ...nic, mac: undefined, network: 'B' },
  ];
  const old = { ...MACHINE, firmware: 'bios', secureBoot: false, guestId: 'rhel4Guest', nics } as DomainSource;
  const addresses = (machine: DomainSource) => targetHardware(machine, 2, 'auto').nics?.map(({ address }) => address);
  expect(addresses(old)).toEqual([
    { bus: 0, device: 0x10 },
    { bus: 0, device: 0x11 },
  ]);
  expect(addresses({ ...MACHINE, nics } as DomainSource)).toEqual([
    { bus: undefined, device: 0 },
    { bus: undefined, device: 0 },
  ]);
});
