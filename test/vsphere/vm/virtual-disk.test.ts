import { expect, test } from '@jest/globals';
import { decodeDisks } from '../../../src/vsphere/vm/virtual-disk.ts';
import { parseXml } from '../../../src/vsphere/soap/xml-element.ts';

const controller = (type: string, key: number, busNumber: number) =>
  `<device type="${type}"><key>${key}</key><busNumber>${busNumber}</busNumber></device>`;

const disk = (key: number, controllerKey: number, unitNumber: number) =>
  `<device type="VirtualDisk"><key>${key}</key><deviceInfo><label>disk ${key}</label></deviceInfo>` +
  `<controllerKey>${controllerKey}</controllerKey><unitNumber>${unitNumber}</unitNumber></device>`;

const keysOf = (...devices: string[]) =>
  decodeDisks(parseXml(`<val>${devices.join('')}</val>`, 'test').elements).map(({ key }) => key);

test('disks come by unit, whatever their order in the list and wherever the controllers are', () => {
  const lsi = controller('VirtualLsiLogicController', 1000, 0);
  expect(keysOf(disk(2001, 1000, 1), disk(2002, 1000, 2), lsi, disk(2000, 1000, 0))).toEqual([2000, 2001, 2002]);
  expect(keysOf(disk(2010, 1000, 10), lsi, disk(2002, 1000, 2))).toEqual([2002, 2010]);
});

test('disks come by bus number over SCSI controllers of all kinds, then by unit', () => {
  const devices = [
    disk(2016, 1001, 0),
    disk(2001, 1000, 1),
    controller('ParaVirtualSCSIController', 1001, 1),
    controller('VirtualLsiLogicSASController', 1000, 0),
    disk(2000, 1000, 0),
  ];
  expect(keysOf(...devices)).toEqual([2000, 2001, 2016]);
});

test('buses come as vSphere numbers them: IDE, SCSI, SATA, NVMe', () => {
  const devices = [
    controller('VirtualNVMEController', 31000, 0),
    disk(32000, 31000, 0),
    controller('VirtualAHCIController', 15000, 0),
    disk(16000, 15000, 0),
    controller('ParaVirtualSCSIController', 1003, 3),
    disk(2048, 1003, 0),
    controller('VirtualIDEController', 201, 1),
    disk(3002, 201, 0),
  ];
  expect(keysOf(...devices)).toEqual([3002, 2048, 16000, 32000]);
});

test('a disk whose controller is not in the list comes last', () => {
  expect(keysOf(disk(2000, 9, 0), controller('VirtualAHCIController', 15000, 0), disk(16000, 15000, 0))).toEqual([
    16000, 2000,
  ]);
});

test('the UUID of a disk is that of its backing, if the server has one', () => {
  const withBacking = (uuid: string): string =>
    disk(2000, 1000, 0).replace(
      '</device>',
      `<backing type="VirtualDiskFlatVer2BackingInfo">${uuid}</backing></device>`,
    );
  const uuidOf = (device: string): string | undefined =>
    decodeDisks(parseXml(`<val>${device}</val>`, 'test').elements)[0]?.uuid;
  expect(uuidOf(withBacking('<uuid>6000C29a-1b2c-3d4e-5f60-718293a4b5c6</uuid>'))).toBe(
    '6000c29a1b2c3d4e5f60718293a4b5c6',
  );
  expect(uuidOf(withBacking(''))).toBeUndefined();
});
