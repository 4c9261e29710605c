import { expect, test } from '@jest/globals';
import type { BlockDevice } from '../../../../src/guest/guest.ts';
import type { Guestfs } from '../../../../src/guest/guestfs.ts';
import { withMembers } from '../../../../src/guest/inspect/disks/volume-members.ts';

const PV: BlockDevice = { name: '/dev/sda2', disk: 0, partition: 2, type: 'LVM2_member', uuid: 'Aaaa-1111-b' };
const LV: BlockDevice = { name: '/dev/data/srv', type: 'xfs', uuid: 'x' };
const ARRAY: BlockDevice = { name: '/dev/md127', type: 'ext4', uuid: 'y' };
const NO_GROUPS = { vgs: [] };

/** A fake appliance that answers each command with the given lines. */
function appliance(answers: Readonly<Record<string, readonly string[]>>): Guestfs {
  const session: Pick<Guestfs, 'lines'> = {
    lines: (command) => {
      const lines = answers[command.join(' ')];
      return lines === undefined ? Promise.reject(new Error(command.join(' '))) : Promise.resolve([...lines]);
    },
  };
  // oxlint-disable-next-line no-unsafe-type-assertion -- no other method is called
  return session as Guestfs;
}

test('physical and logical volumes have their volume group, whether UUIDs have dashes or not', async () => {
  const session = appliance({ vgs: ['data', 'other'], 'vgpvuuids data': ['Aaaa1111b'], 'vgpvuuids other': ['zz'] });
  expect(await withMembers(session, [PV, LV])).toEqual([
    { ...PV, volumeGroup: 'data', missingMembers: 0 },
    { ...LV, volumeGroup: 'data', missingMembers: 0 },
  ]);
});

test('a physical volume that is on none of the disks is missing', async () => {
  const session = appliance({ vgs: ['data'], 'vgpvuuids data': ['Aaaa-1111-b', 'gone-2', 'gone-3'] });
  expect((await withMembers(session, [PV, LV])).map(({ missingMembers }) => missingMembers)).toEqual([2, 2]);
});

test('what LVM does not know, and devices of another kind, have no volume group', async () => {
  const partition: BlockDevice = { name: '/dev/sda1', disk: 0, partition: 1, type: 'ext4', uuid: 'z' };
  const orphan: BlockDevice = { ...PV, uuid: 'orphan' };
  const session = appliance({ vgs: ['data'], 'vgpvuuids data': ['other'] });
  expect(await withMembers(session, [partition, orphan])).toEqual([partition, orphan]);
});

test('an array has the UUID and the name of its metadata, and counts the members that are there', async () => {
  const details = ['level: raid1', 'devices: 3', 'metadata: 1.2', 'uuid: 1:2:3:4', 'name: db:data', 'devname: 127'];
  const stat = [
    '[0] = {',
    '  mdstat_device: /dev/sda1',
    '  mdstat_index: 0',
    '}',
    '[1] = {',
    '  mdstat_device: /dev/sdb1',
    '}',
  ];
  const session = appliance({ ...NO_GROUPS, 'md-detail /dev/md127': details, 'md-stat /dev/md127': stat });
  expect(await withMembers(session, [ARRAY])).toEqual([
    { ...ARRAY, arrayUuid: '1:2:3:4', arrayName: 'data', missingMembers: 1 },
  ]);
});

test('an array of old metadata has no name but that of its device', async () => {
  const details = ['devices: 1', 'metadata: 0.90', 'uuid: 1:2:3:4', 'devname: 127'];
  const session = appliance({
    ...NO_GROUPS,
    'md-detail /dev/md127': details,
    'md-stat /dev/md127': ['mdstat_device: sda'],
  });
  expect(await withMembers(session, [ARRAY])).toEqual([
    { ...ARRAY, arrayUuid: '1:2:3:4', arrayName: '127', missingMembers: 0 },
  ]);
});
