import { expect, test } from '@jest/globals';
import type { BootSubject } from '../../../../src/guest/contract/boot-check.ts';
import { checkInitramfs } from '../../../../src/guest/contract/initramfs/check-initramfs.ts';
import { faultsOf, onlyFault } from '../boot-entries/faults.ts';
import { bootSubject, type TreeContent } from '../tree-of-files.ts';
import { guestBooting, IMAGE, initramfsTree } from './debian-initramfs.ts';

const BOOT = { name: '/dev/sda1', disk: 0, partition: 1, type: 'ext2', uuid: '33333333-aaaa-4bbb-8ccc-000000000003' };
const ROOT_UUID = '11111111-aaaa-4bbb-8ccc-000000000001';
const PVID = 'AAAAaa-BBBB-CCCC-DDDD-EEEE-FFFF-GGGGgg';
const { hardware } = bootSubject({});

/** The root is on a logical volume. */
const LVM: Partial<BootSubject> = {
  devices: [
    BOOT,
    { name: '/dev/sda2', disk: 0, partition: 2, type: 'LVM2_member', uuid: PVID, volumeGroup: 'vg' },
    { name: '/dev/vg/root', type: 'ext4', uuid: ROOT_UUID, volumeGroup: 'vg' },
  ],
  mounts: [
    { mountable: '/dev/vg/root', path: '/' },
    { mountable: '/dev/sda1', path: '/boot' },
  ],
  hardware: { ...hardware, disks: [{ driver: 'virtio_blk', names: 'vd', serial: '6000c29aaaaaaaaaaaaa' }] },
};

async function checkLvm(initramfs: TreeContent, words = 'ro') {
  const tree = initramfsTree([], { '/usr/sbin/lvm': 'program', ...initramfs });
  return await checkInitramfs(guestBooting({ root: '/dev/mapper/vg-root', words }, tree, LVM));
}

test('a root on LVM whose filters admit the target’s disks is ready', async () => {
  expect(faultsOf(await checkLvm({}))).toEqual([]);
  const conf = 'devices {\n\tglobal_filter = [ "a|^/dev/vd|", "r|.*|" ]\n}\n';
  expect(faultsOf(await checkLvm({ '/etc/lvm/lvm.conf': conf }))).toEqual([]);
});

for (const setting of ['filter', 'global_filter']) {
  test(`a ${setting} that admits sd* only is not ready`, async () => {
    const conf = `devices {\n\t${setting} = [ "a|^/dev/sd|", "r|.*|" ]\n}\n`;
    expect(onlyFault(await checkLvm({ '/etc/lvm/lvm.conf': conf }))).toEqual({
      verdict: 'not-ready',
      fault: `${IMAGE}:/etc/lvm/lvm.conf:2 ${setting} of LVM rejects /dev/vda2, a physical volume of vg.`,
    });
  });
}

test('a devices file that has VMware’s disk is not ready', async () => {
  const entry = (id: string): string =>
    `VERSION=1.1.2\nIDTYPE=${id} DEVNAME=/dev/sda2 PVID=${PVID.replaceAll('-', '')} PART=2\n`;
  const check = async (id: string) =>
    await checkLvm({
      '/etc/lvm/lvm.conf': 'devices {\nuse_devicesfile = 1\n}\n',
      '/etc/lvm/devices/system.devices': entry(id),
    });
  expect(onlyFault(await check('sys_wwid IDNAME=naa.6000c29aaaaaaaaaaaaaaaaaaaaaaaaa'))).toMatchObject({
    verdict: 'not-ready',
    fault: expect.stringMatching(/:\/etc\/lvm\/devices\/system\.devices:2 .*sys_wwid naa\.6000c29/),
  });
  expect(faultsOf(await check('sys_serial IDNAME=6000c29aaaaaaaaaaaaa'))).toEqual([]);
});

test('an initramfs without lvm is not ready', async () => {
  const checks = await checkLvm({ '/usr/sbin/lvm': { folder: true } });
  expect(onlyFault(checks)).toMatchObject({ verdict: 'not-ready', fault: expect.stringContaining('has no lvm') });
});

const ARRAY = '00112233:44556677:8899aabb:ccddeeff';
/** The root is on a mirror of two disks. */
const RAID: Partial<BootSubject> = {
  devices: [
    BOOT,
    {
      name: '/dev/sda2',
      disk: 0,
      partition: 2,
      type: 'linux_raid_member',
      uuid: '00112233-4455-6677-8899-aabbccddeeff',
    },
    {
      name: '/dev/sdb2',
      disk: 1,
      partition: 2,
      type: 'linux_raid_member',
      uuid: '00112233-4455-6677-8899-aabbccddeeff',
    },
    { name: '/dev/md127', type: 'ext4', uuid: ROOT_UUID, arrayUuid: ARRAY, arrayName: '0' },
  ],
  mounts: [
    { mountable: '/dev/md127', path: '/' },
    { mountable: '/dev/sda1', path: '/boot' },
  ],
  hardware: { ...hardware, disks: [0, 1].map(() => ({ driver: 'virtio_blk', names: 'vd' as const })) },
};

async function checkRaid(conf: string, { root = '/dev/md0', missing = [] as string[], more = {} as TreeContent } = {}) {
  const tree = initramfsTree(missing, { '/usr/sbin/mdadm': 'program', '/etc/mdadm/mdadm.conf': conf, ...more });
  return await checkInitramfs(guestBooting({ root }, tree, RAID));
}

test('a root on an array that mdadm.conf names is ready', async () => {
  expect(faultsOf(await checkRaid(`DEVICE partitions\nARRAY /dev/md0 UUID=${ARRAY}\n`))).toEqual([]);
  expect(
    faultsOf(await checkRaid(`DEVICE /dev/vd*\nARRAY /dev/md0 UUID=${ARRAY} devices=/dev/vda2,/dev/vdb2\n`)),
  ).toEqual([]);
});

const CONFS: readonly [string, string, RegExp][] = [
  ['a DEVICE line that names sd* only', 'DEVICE /dev/sd*\nARRAY /dev/md0 UUID=', /DEVICE of mdadm.conf does not name/],
  [
    'members by VMware’s names',
    'ARRAY /dev/md0 devices=/dev/sda2,/dev/sdb2 UUID=',
    /lists \/dev\/sda2, \/dev\/sdb2 as members/,
  ],
  ['an array that is to be ignored', 'ARRAY <ignore> UUID=', /has mdadm ignore/],
];
for (const [what, conf, fault] of CONFS) {
  test(`${what} in mdadm.conf is not ready`, async () => {
    const checks = await checkRaid(`${conf}${ARRAY}\n`, { root: `UUID=${ROOT_UUID}` });
    const [first] = faultsOf(checks);
    expect(first).toMatch(fault);
    expect(first).toContain(`${IMAGE}:/etc/mdadm/mdadm.conf:`);
    expect(
      checks.filter(({ verdict }) => verdict === 'not-ready').every(({ file }) => file.endsWith('mdadm.conf')),
    ).toBe(true);
  });
}

test('AUTO -all without a line for the root’s array is not ready', async () => {
  expect(onlyFault(await checkRaid('AUTO -all\n', { root: `UUID=${ROOT_UUID}` })).fault).toContain('AUTO -all');
});

test('an initramfs without mdadm, or without the array’s driver, is not ready', async () => {
  const conf = `ARRAY /dev/md0 UUID=${ARRAY}\n`;
  expect(onlyFault(await checkRaid(conf, { more: { '/usr/sbin/mdadm': { folder: true } } })).fault).toContain(
    'has no mdadm',
  );
  expect(onlyFault(await checkRaid(conf, { missing: ['raid1'] })).fault).toContain('raid1 or raid10 or raid456');
});
