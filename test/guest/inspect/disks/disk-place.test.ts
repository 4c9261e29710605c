import { expect, test } from '@jest/globals';
import { hardwarePlace } from '../../../../src/guest/inspect/disks/disk-place.ts';
import { pciAddressOf } from '../../../../src/guest/inspect/pci-slot.ts';
import type { DiskAddress } from '../../../../src/guest/guest.ts';

/** Returns the disk that a by-path name refers to, in a VM with disks at these addresses. */
function diskOf(end: string, addresses: readonly (DiskAddress | undefined)[]): number | undefined {
  const disks = addresses.map((address, at) => ({ path: `/images/${at}`, format: 'raw', address }));
  return hardwarePlace(`/dev/disk/by-path/pci-${end}`, { disks, diskOrder: disks.map((_, at) => at) })?.disk;
}

function scsi(controller: number, unit: number, pciSlotNumber?: number): DiskAddress {
  return { bus: 'scsi', controller, unit, pciSlotNumber };
}

test('a target of by-path is looked up where the machine tells its units', () => {
  const disks = [scsi(0, 0), scsi(0, 4), scsi(0, 8)];
  expect(diskOf('0000:03:00.0-scsi-0:0:4:0-part1', disks)).toBe(1);
  expect(diskOf('0000:03:00.0-scsi-0:0:8:0', disks)).toBe(2);
  expect(diskOf('0000:03:00.0-sas-phy4-lun-0', disks)).toBe(1);
  expect(diskOf('0000:03:00.0-scsi-0:0:1:0', disks)).toBeUndefined();
});

test('disks with the same unit on several controllers are told apart by the PCI slot of the controller', () => {
  const disks = [scsi(0, 0, 160), scsi(1, 0, 192), scsi(2, 0, 1184)];
  expect(diskOf('0000:03:00.0-scsi-0:0:0:0', disks)).toBe(0);
  expect(diskOf('0000:0b:00.0-scsi-0:0:0:0', disks)).toBe(1);
  expect(diskOf('0000:04:00.0-scsi-0:0:0:0', disks)).toBe(2);
  expect(diskOf('0000:1b:00.0-scsi-0:0:0:0', disks)).toBeUndefined();
});

test('without slots the first controller is where VMware puts it, and of the others none is guessed', () => {
  const disks = [scsi(0, 0), scsi(1, 0), scsi(1, 1)];
  expect(diskOf('0000:03:00.0-scsi-0:0:0:0', disks)).toBe(0);
  expect(diskOf('0000:00:10.0-scsi-0:0:0:0', disks)).toBe(0);
  expect(diskOf('0000:0b:00.0-scsi-0:0:0:0', disks)).toBeUndefined();
  expect(diskOf('0000:0b:00.0-scsi-0:0:1:0', disks)).toBe(2);
});

test('a SATA port, an IDE channel, an NVMe name space and a SCSI unit of the same number are different disks', () => {
  const disks: DiskAddress[] = [
    { bus: 'ide', controller: 0, unit: 1 },
    { bus: 'ide', controller: 1, unit: 0 },
    scsi(0, 1),
    { bus: 'sata', controller: 0, unit: 5 },
    { bus: 'nvme', controller: 0, unit: 1 },
  ];
  expect(diskOf('0000:00:07.1-ata-1.1', disks)).toBe(0);
  expect(diskOf('0000:00:07.1-ata-2.0', disks)).toBe(1);
  expect(diskOf('0000:03:00.0-scsi-0:0:1:0', disks)).toBe(2);
  expect(diskOf('0000:02:01.0-ata-6', disks)).toBe(3);
  expect(diskOf('0000:02:01.0-ata-6.0', disks)).toBe(3);
  expect(diskOf('0000:13:00.0-nvme-2-part3', disks)).toBe(4);
});

test('the only disk is meant whatever its unit; a disk that tells no place is none of those that do', () => {
  expect(diskOf('0000:03:00.0-scsi-0:0:3:0', [scsi(0, 0)])).toBe(0);
  expect(diskOf('0000:03:00.0-scsi-0:0:1:0', [undefined, scsi(0, 1)])).toBe(1);
  expect(
    diskOf(
      '0000:03:00.0-scsi-0:0:8:0',
      Array.from({ length: 8 }, () => undefined),
    ),
  ).toBe(7);
});

test.each([
  [16, '0000:00:10.0'],
  [32, '0000:02:00.0'],
  [33, '0000:02:01.0'],
  [160, '0000:03:00.0'],
  [192, '0000:0b:00.0'],
  [224, '0000:13:00.0'],
  [256, '0000:1b:00.0'],
  [1184, '0000:04:00.0'],
  [7328, '0000:0a:00.0'],
  [161, undefined],
  [64, undefined],
  [8352, undefined],
  [undefined, undefined],
])('VMware’s PCI slot %s is %s in the guest', (slot, address) => {
  expect(pciAddressOf(slot)).toBe(address);
});
