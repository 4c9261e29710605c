import { expect, test } from '@jest/globals';
import { machineOfVm } from '../../../../src/operations/export/target/machine-of-vm.ts';
import type { VmHardware } from '../../../../src/vsphere/vm/vm-hardware.ts';

const HARDWARE: VmHardware = {
  memoryBytes: 1 << 30,
  vcpus: 1,
  coresPerSocket: 1,
  firmware: 'bios',
  secureBoot: false,
  guestId: 'debian12_64Guest',
  uuid: undefined,
  tpm: false,
  cdRoms: 0,
  nics: [],
  bootDeviceKeys: [],
};

const DISKS = [2000, 2001, 2002].map((key) => ({ key, controller: { kind: 'lsilogic', address: 0 } }) as const);

const bootOrderOf = (bootDeviceKeys: number[]) =>
  machineOfVm({ name: 'web' }, { ...HARDWARE, bootDeviceKeys }, DISKS).disks.map(({ bootOrder }) => bootOrder);

test('the serial of a disk is its UUID on the server', () => {
  const disks = DISKS.map((disk, index) => ({ ...disk, uuid: index === 0 ? '6000c29a' : undefined }));
  const serials = machineOfVm({ name: 'web' }, HARDWARE, disks).disks.map(({ serial }) => serial);
  expect(serials).toEqual(['6000c29a', undefined, undefined]);
});

test('a VM without a boot order of its own boots from its first disk', () => {
  expect(bootOrderOf([])).toEqual([1, 2, 3]);
});

test('disks that the boot order names come first, the others after them; the disks keep their places', () => {
  expect(bootOrderOf([2002])).toEqual([2, 3, 1]);
  expect(bootOrderOf([2001, 4000, 2000])).toEqual([2, 1, 3]);
});

test('the controller of a disk that was left out still counts for the order of NICs', () => {
  const nic = (mac: string, pciSlotNumber?: number) => ({ mac, model: 'vmxnet3', network: undefined, pciSlotNumber });
  const hardware = { ...HARDWARE, nics: [nic('00:50:56:00:00:01'), nic('00:50:56:00:00:02', 192)] };
  const disk = { key: 2000, controller: { kind: 'pvscsi', address: 0 } } as const;
  const orderOf = (...[disks, leftOut]: (typeof disk)[][]) =>
    machineOfVm({ name: 'web' }, hardware, disks ?? [], leftOut).nics.map(({ mac }) => mac);
  expect(orderOf([disk])).toEqual(['00:50:56:00:00:02', '00:50:56:00:00:01']);
  expect(orderOf([], [disk])).toEqual(orderOf([disk]));
  expect(orderOf([])).not.toEqual(orderOf([disk]));
});
