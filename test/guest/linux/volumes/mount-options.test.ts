import { expect, test } from '@jest/globals';
import type { Guest } from '../../../../src/guest/guest.ts';
import { storageNames } from '../../../../src/guest/linux/volumes/storage-names.ts';
import { plannedOn } from '../planned-on.ts';

const GUEST: Partial<Guest> = {
  disks: [
    { path: 'a.qcow2', format: 'qcow2' },
    { path: 'b.qcow2', format: 'qcow2' },
  ],
  diskOrder: [0, 1],
  devices: [
    { name: '/dev/sda1', disk: 0, partition: 1, type: 'ext4', uuid: 'root' },
    { name: '/dev/sdb1', disk: 1, partition: 1, type: 'xfs', uuid: 'data' },
    { name: '/dev/sdb2', disk: 1, partition: 2, type: 'xfs_external_log', uuid: 'log' },
    { name: '/dev/sdb3', disk: 1, partition: 3, type: 'btrfs', uuid: 'pool' },
    { name: '/dev/sdb4', disk: 1, partition: 4, type: 'btrfs', uuid: 'pool' },
  ],
};

test.each([
  ['UUID=data /srv xfs noatime,logdev=/dev/sdb2 0 0', 'UUID=data /srv xfs noatime,logdev=/dev/disk/by-uuid/log 0 0'],
  ['UUID=pool /srv btrfs device=/dev/sdb3,device=/dev/sdb4 0 0', 'UUID=pool /srv btrfs defaults 0 0'],
  ['UUID=pool /srv btrfs noatime,device=/dev/sdb4 0 0', 'UUID=pool /srv btrfs noatime 0 0'],
  ['UUID=data /srv xfs defaults,logdev=/dev/vg/log 0 0', 'UUID=data /srv xfs defaults,logdev=/dev/vg/log 0 0'],
])('the option of a mount that names VMware’s disk: %s', async (before, after) => {
  const { read, warnings } = await plannedOn({ '/etc/fstab': `${before}\n` }, storageNames, GUEST);
  expect(await read('/etc/fstab')).toBe(`${after}\n`);
  expect(warnings).toEqual([]);
});

test('an option that names a disk that the VM does not have stays, with a warning', async () => {
  const line = 'UUID=data /srv xfs logdev=/dev/sdc1 0 0\n';
  const { read, warnings } = await plannedOn({ '/etc/fstab': line }, storageNames, GUEST);
  expect(await read('/etc/fstab')).toBe(line);
  expect(warnings).toEqual(['/etc/fstab mounts /srv with logdev=/dev/sdc1, which is not a device of this VM.']);
});
