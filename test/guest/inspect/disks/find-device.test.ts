import { expect, test } from '@jest/globals';
import { diskNumber, fileSystemOf, readBlkid } from '../../../../src/guest/inspect/disks/block-devices.ts';
import { hardwarePlace } from '../../../../src/guest/inspect/disks/disk-place.ts';
import { findDevice, isUnstableName, volumeName } from '../../../../src/guest/inspect/disks/find-device.ts';
import type { BlockDevice, GuestDisk } from '../../../../src/guest/guest.ts';

const DISKS: GuestDisk[] = ['a', 'b', 'c'].map((name) => ({ path: `/images/${name}`, format: 'raw' }));

const DEVICES: BlockDevice[] = [
  {
    name: '/dev/sda1',
    disk: 0,
    partition: 1,
    type: 'vfat',
    uuid: 'AB12-34CD',
    partLabel: 'EFI System',
    partUuid: 'p-esp',
  },
  { name: '/dev/sda2', disk: 0, partition: 2, type: 'ext4', uuid: 'u-root', label: 'my root', partUuid: 'p-root' },
  { name: '/dev/sdb1', disk: 1, partition: 1, type: 'xfs', uuid: 'u-data', partUuid: 'p-data' },
  { name: '/dev/sdc2', disk: 2, partition: 2, type: 'swap', uuid: 'u-swap' },
  { name: '/dev/vg-a/lv', type: 'ext4', uuid: 'u-lv' },
  { name: '/dev/md127', type: 'ext4', uuid: 'u-md' },
];
const GUEST = { devices: DEVICES, disks: DISKS, diskOrder: [0, 1, 2] };

test.each([
  ['/dev/sda2', '/dev/sda2'],
  ['/dev/hdb1', '/dev/sdb1'],
  ['/dev/vdc2', '/dev/sdc2'],
  ['/dev/nvme0n1p2', '/dev/sda2'],
  ['/dev/disk/by-path/pci-0000:03:00.0-scsi-0:0:1:0-part1', '/dev/sdb1'],
  ['/dev/disk/by-path/pci-0000:02:01.0-ata-2-part1', '/dev/sdb1'],
  ['/dev/disk/by-path/pci-0000:02:01.0-ata-1.0-part2', '/dev/sda2'],
  ['/dev/disk/by-path/pci-0000:0b:00.0-nvme-1-part2', '/dev/sda2'],
  ['/dev/disk/by-path/pci-0000:03:00.0-sas-phy1-lun-0-part1', '/dev/sdb1'],
  ['UUID=u-root', '/dev/sda2'],
  ['UUID=ab12-34cd', '/dev/sda1'],
  [String.raw`LABEL=my\040root`, '/dev/sda2'],
  [String.raw`/dev/disk/by-label/my\x20root`, '/dev/sda2'],
  ['PARTUUID=P-ROOT', '/dev/sda2'],
  [String.raw`/dev/disk/by-partlabel/EFI\x20System`, '/dev/sda1'],
  ['/dev/disk/by-uuid/u-swap', '/dev/sdc2'],
  ['/dev/mapper/vg--a-lv', '/dev/vg-a/lv'],
  ['/dev/vg-a/lv', '/dev/vg-a/lv'],
  ['/dev/md127', '/dev/md127'],
])('%s means %s', (spec, name) => {
  expect(findDevice(spec, GUEST)?.name).toBe(name);
});

test.each([
  '/dev/sdd1',
  '/dev/sda9',
  'UUID=none',
  'tmpfs',
  '/dev/disk/by-id/scsi-36000c29aaaa-part1',
  '/dev/disk/by-path/platform-x-part1',
])('%s means nothing here', (spec) => {
  expect(findDevice(spec, GUEST)).toBeUndefined();
});

test('an identity of VMware means the disk of a guest that has one', () => {
  const one = { ...GUEST, disks: DISKS.slice(0, 1) };
  expect(findDevice('/dev/disk/by-id/wwn-0x6000c29aaaa-part2', one)?.name).toBe('/dev/sda2');
});

test('disks that changed places are followed', () => {
  const swapped = { ...GUEST, diskOrder: [1, 0, 2] };
  expect(findDevice('/dev/sda1', swapped)?.name).toBe('/dev/sdb1');
  expect(hardwarePlace('/dev/sdb', swapped)).toEqual({ disk: 0, partition: undefined });
});

test('a partition of another type is not what fstab means: the one that fits on another disk is', () => {
  expect(findDevice('/dev/sda1', GUEST, 'xfs')?.name).toBe('/dev/sdb1');
  expect(findDevice('/dev/sda1', GUEST, 'vfat')?.name).toBe('/dev/sda1');
  expect(findDevice('/dev/sda2', GUEST, 'ext3')?.name).toBe('/dev/sda2');
  expect(findDevice('/dev/sda2', GUEST, 'btrfs')).toBeUndefined();
});

test('of two devices with one UUID none is meant', () => {
  const twins = DEVICES.map((device) => ({ ...device, uuid: 'same' }));
  expect(findDevice('UUID=same', { ...GUEST, devices: twins })).toBeUndefined();
});

test.each([
  ['/dev/sda1', true],
  ['/dev/hda', true],
  ['/dev/nvme0n1p1', true],
  ['/dev/disk/by-path/pci-0000:03:00.0-scsi-0:0:0:0', true],
  ['/dev/disk/by-id/scsi-36000c29f', true],
  ['/dev/disk/by-id/dm-uuid-LVM-x', false],
  ['/dev/disk/by-id/lvm-pv-uuid-x', false],
  ['/dev/disk/by-uuid/x', false],
  ['/dev/mapper/vg-root', false],
  ['/dev/md0', false],
  ['UUID=x', false],
  ['tmpfs', false],
])('%s follows the hardware: %s', (spec, unstable) => {
  expect(isUnstableName(spec)).toBe(unstable);
});

test('names of LVM are one in both forms', () => {
  expect(volumeName('/dev/mapper/my--vg-my--lv')).toBe('/dev/my-vg/my-lv');
  expect(volumeName('/dev/mapper/luks')).toBe('/dev/mapper/luks');
});

test('reads what libguestfs says of devices', () => {
  expect(readBlkid('DEVNAME: /dev/sda1\nUUID: u\nLABEL: a: b\nTYPE: ext4\nPART_ENTRY_UUID: p\nTYPE: second\n')).toEqual(
    {
      type: 'ext4',
      uuid: 'u',
      label: 'a: b',
      partUuid: 'p',
      partLabel: undefined,
    },
  );
  expect(fileSystemOf('btrfsvol:/dev/sda2/a: b: btrfs')).toEqual({ name: 'btrfsvol:/dev/sda2/a: b', type: 'btrfs' });
  expect([diskNumber('a'), diskNumber('z'), diskNumber('aa')]).toEqual([0, 25, 26]);
});
