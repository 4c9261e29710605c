import { expect } from '@jest/globals';
import { Guestfs } from '../../../src/guest/guestfs.ts';
import { listBlockDevices } from '../../../src/guest/inspect/block-devices.ts';
import { testWithOracle } from '../../oracles/oracle.ts';
import { APPLIANCE_TEST_MS, emptyDisk, imageFolder } from '../make-disk.ts';

const DISK_BYTES = 64 * 2 ** 20;

testWithOracle(
  'guestfish',
  'volume groups and arrays are known with their members, and with those that are missing',
  async () => {
    await using folder = await imageFolder();
    const disks = [
      await emptyDisk(folder.path, 'a.img', DISK_BYTES),
      await emptyDisk(folder.path, 'b.img', DISK_BYTES),
      await emptyDisk(folder.path, 'c.img', DISK_BYTES),
    ];
    const { signal } = new AbortController();
    {
      await using session = await Guestfs.start({ disks, readOnly: false, signal });
      await session.call(['part-disk', '/dev/sda', 'mbr']);
      await session.call(['md-create', 'h2k', '/dev/sda1 /dev/sdb', 'level:raid1']);
      const [array = ''] = await session.lines(['list-md-devices']);
      for (const device of [array, '/dev/sdc']) await session.call(['pvcreate', device]);
      await session.call(['vgcreate', 'sys', `${array} /dev/sdc`]);
      await session.call(['lvcreate', 'root', 'sys', '8']);
      await session.call(['mkfs', 'ext4', '/dev/sys/root']);
    }
    const described = async (present: typeof disks) => {
      await using session = await Guestfs.start({ disks: present, readOnly: true, signal });
      const devices = await listBlockDevices(session);
      return devices
        .map(({ name, type, volumeGroup, arrayName, missingMembers }) =>
          [name.replace(/\d+$/, ''), type, volumeGroup, arrayName, missingMembers].join(' ').trimEnd(),
        )
        .toSorted();
    };
    expect(await described(disks)).toEqual([
      '/dev/md LVM2_member sys h2k 0',
      '/dev/sda linux_raid_member',
      '/dev/sdb linux_raid_member',
      '/dev/sdc LVM2_member sys  0',
      '/dev/sys/root ext4 sys  0',
    ]);
    expect(await described(disks.slice(2))).toContain('/dev/sda LVM2_member sys  1');
  },
  APPLIANCE_TEST_MS,
);
