import { expect, test } from '@jest/globals';
import type { Guest } from '../../../../src/guest/guest.ts';
import { volumes } from '../../../../src/guest/linux/volumes/volumes.ts';
import { plannedOn } from '../planned-on.ts';

const ROOT_PV = 'rootpv-0000-0000-0000-0000-0000-000001';
const DATA_PV = 'datapv-0000-0000-0000-0000-0000-000002';
const ARRAY = '11112222-3333-4444-5555-666677778888';

const GUEST: Partial<Guest> = {
  disks: [
    { path: 'a.qcow2', format: 'qcow2' },
    { path: 'b.qcow2', format: 'qcow2' },
  ],
  diskOrder: [0, 1],
  devices: [
    { name: '/dev/sda1', disk: 0, partition: 1, type: 'linux_raid_member', uuid: ARRAY },
    { name: '/dev/sda2', disk: 0, partition: 2, type: 'LVM2_member', uuid: ROOT_PV },
    { name: '/dev/sdb', disk: 1, type: 'LVM2_member', uuid: DATA_PV },
  ],
};

async function textAfter(path: string, text: string): Promise<string | undefined> {
  const first = await plannedOn({ [path]: text }, volumes, GUEST);
  const after = await first.read(path);
  // A second run of the fix changes nothing.
  if (after !== undefined) expect((await plannedOn({ [path]: after }, volumes, GUEST)).changes).toEqual([]);
  return after;
}

const DEVICES_FILE = '/etc/lvm/devices/system.devices';
const WWID = 'IDTYPE=sys_wwid IDNAME=naa.6000c29a0000 DEVNAME=/dev/sda2';

test('a devices file with ids of VMware goes, and what it excluded is named', async () => {
  const text = `VERSION=1.1.2\n${WWID} PVID=${ROOT_PV.replaceAll('-', '')} PART=2\n`;
  const { changes, warnings } = await plannedOn({ [DEVICES_FILE]: text }, volumes, GUEST);
  expect(changes).toEqual([
    expect.objectContaining({
      action: 'remove',
      path: DEVICES_FILE,
      backup: expect.stringContaining(DEVICES_FILE),
      details: [expect.stringContaining('sys_wwid naa.6000c29a0000'), expect.stringContaining('vgimportdevices -a')],
    }),
  ]);
  expect(warnings).toEqual([`${DEVICES_FILE} excluded the physical volume /dev/sdb (${DATA_PV}): LVM uses it now.`]);
});

test.each([
  ['that has only ids of arrays and encrypted volumes', 'IDTYPE=md_uuid IDNAME=x DEVNAME=/dev/md0 PVID=y\n', ''],
  ['that LVM does not use', `${WWID} PVID=x PART=2\n`, 'devices {\n\tuse_devicesfile = 0\n}\n'],
])('a devices file %s stays', async (_what, text, config) => {
  const files = { [DEVICES_FILE]: text, '/etc/lvm/lvm.conf': config };
  expect((await plannedOn(files, volumes, GUEST)).changes).toEqual([]);
});

const LVM_PV = 'a|^/dev/disk/by-id/lvm-pv-uuid-';

test.each([
  ['sd only', '[ "a|^/dev/sd.*|", "r|.*|" ]', '[ "a|^/dev/sd.*|", "a|^/dev/vd.*|", "r|.*|" ]'],
  [
    'one disk, the other rejected',
    '[ "a|^/dev/sda.*|", "r|^/dev/sdb$|", "r|.*|" ]',
    '[ "a|^/dev/sda.*|", "a|^/dev/vda.*|", "r|^/dev/sdb$|", "r|^/dev/vdb$|", "r|.*|" ]',
  ],
  ['other delimiters', '[ "a/dev/sd[a-z]/", "r/.*/" ]', '[ "a/dev/sd[a-z]/", "a/dev/vd[a-z]/", "r/.*/" ]'],
  [
    'a SCSI id of VMware',
    '["a|/dev/disk/by-id/scsi-36000c29a|", "r|.*|"]',
    `[ "${LVM_PV}${ROOT_PV}$|", "a|^/dev/vda2$|", "${LVM_PV}${DATA_PV}$|", "a|^/dev/vdb$|", "a|/dev/disk/by-id/scsi-36000c29a|", "r|.*|" ]`,
  ],
  ['any disk', '[ "a|.*|" ]', '[ "a|.*|" ]'],
  ['without a CD-ROM', '[ "r|/dev/cdrom|" ]', '[ "r|/dev/cdrom|" ]'],
])('a filter that admits %s', async (_what, before, after) => {
  const config = (filter: string): string =>
    `# filter = [ "a|^/dev/sd|" ]\ndevices {\n\tglobal_filter = ${filter}  # ours\n\tdir = "/dev"\n}\n`;
  expect(await textAfter('/etc/lvm/lvm.conf', config(before))).toBe(config(after));
});

test('a filter on several lines stays a filter', async () => {
  const text = 'devices {\n\tfilter = [\n\t\t"a|^/dev/sd|", # the disks ]\n\t\t"r|.*|"\n\t]\n}\n';
  expect(await textAfter('/etc/lvm/lvmlocal.conf', text)).toBe(
    'devices {\n\tfilter = [ "a|^/dev/sd|", "a|^/dev/vd|", "r|.*|" ]\n}\n',
  );
});

const UUID = '11112222:33334444:55556666:77778888';

test.each([
  ['all SCSI disks', 'DEVICE /dev/sd*\n', 'DEVICE /dev/sd* /dev/vd*\n'],
  ['one partition', 'DEVICE /dev/sda1 # x\n', 'DEVICE /dev/sda1 /dev/vda1 # x\n'],
  ['SCSI ids', 'DEV /dev/disk/by-id/scsi-36000c29*\n', 'DEV /dev/disk/by-id/scsi-36000c29* partitions\n'],
  ['everything', 'DEVICE partitions\n', 'DEVICE partitions\n'],
  ['nothing else', 'MAILADDR root\n', 'MAILADDR root\n'],
  ['an array with a UUID', `ARRAY /dev/md0 devices=/dev/sda1 UUID=${UUID}\n`, `ARRAY /dev/md0 UUID=${UUID}\n`],
  ['an array of devices', 'ARRAY /dev/md0 devices=/dev/sda1\n', `ARRAY /dev/md0 UUID=${UUID}\n`],
  ['an array elsewhere', 'ARRAY /dev/md9 devices=/dev/sdz1\n', 'ARRAY /dev/md9 devices=/dev/sdz1\n'],
])('mdadm.conf of %s', async (_what, before, after) => {
  expect(await textAfter('/etc/mdadm/mdadm.conf', before)).toBe(after);
});
