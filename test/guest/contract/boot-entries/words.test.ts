import { expect, test } from '@jest/globals';
import type { BootSubject } from '../../../../src/guest/contract/boot-check.ts';
import { checkBootEntries } from '../../../../src/guest/contract/boot-entries/check-boot-entries.ts';
import { wordsOf } from '../../../../src/guest/contract/boot-entries/boot-entry.ts';
import { bootSubject } from '../tree-of-files.ts';
import { debianGrubCfg, debianTree, ROOT_UUID } from './debian-grub.ts';
import { onlyFault } from './faults.ts';

const { devices, hardware } = bootSubject({});
const OTHER = '66666666-aaaa-4bbb-8ccc-000000000006';
const ARRAY = '00112233:44556677:8899aabb:ccddeeff';

/** The root of the simple guest, and every other kind of device that a kernel option can name. */
const RICH: Partial<BootSubject> = {
  devices: [
    ...devices,
    { name: '/dev/sda2', disk: 0, partition: 2, type: 'swap', uuid: '88888888-aaaa-4bbb-8ccc-000000000008' },
    { name: '/dev/sda3', disk: 0, partition: 3, type: 'crypto_LUKS', uuid: OTHER },
    { name: '/dev/sda4', disk: 0, partition: 4, type: 'LVM2_member', uuid: 'pv', volumeGroup: 'vg' },
    { name: '/dev/vg/var', type: 'xfs', uuid: 'aaaaaaaa-aaaa-4bbb-8ccc-00000000000a', volumeGroup: 'vg' },
    { name: '/dev/md127', type: 'xfs', uuid: 'bbbbbbbb-aaaa-4bbb-8ccc-00000000000b', arrayUuid: ARRAY, arrayName: '0' },
  ],
};

/** Checks a boot entry that has these options in addition to its root. */
async function check(words: string, subject: Partial<BootSubject> = RICH, root?: string) {
  const grub = debianGrubCfg({ words, ...(root === undefined ? {} : { root }) });
  const { verdict, fault } = onlyFault(await checkBootEntries(bootSubject(debianTree(grub), subject)));
  return fault === undefined ? verdict : `${verdict}: ${fault.replace(/^\S+:\d+ Boot entry "[^"]*": /, '')}`;
}

const GOOD = [
  'resume=UUID=88888888-aaaa-4bbb-8ccc-000000000008',
  'resume=/dev/vda2',
  `rd.luks.uuid=luks-${OTHER}`,
  `rd.luks.name=${OTHER}=data`,
  `cryptdevice=UUID=${OTHER}:data`,
  'rd.lvm.lv=vg/var rd.lvm.vg=vg',
  `rd.md.uuid=${ARRAY}`,
  'rd.luks=0 rd.lvm=0 rd.md=0',
  'rootflags=subvol=@,device=/dev/vda1',
  'ip=dhcp',
  'net.ifnames=0 ip=eth0:dhcp',
  'ifname=bootnet:52:54:00:00:00:01 ip=192.0.2.2::192.0.2.1:255.255.255.0:host:bootnet:none',
  'ip=[2001:db8::1]::[2001:db8::2]:64:host::off',
  'BOOTIF=01-52-54-00-00-00-01',
];
for (const words of GOOD) test(`${words} is ready`, async () => expect(await check(words)).toBe('ready'));

const BAD: readonly [string, RegExp][] = [
  ['resume=/dev/sda2', /leads to no device: there is no \/dev\/sda2/],
  ['cryptdevice=/dev/sda3:data', /cryptdevice=.* leads to no device: there is no \/dev\/sda3/],
  ['rd.luks.key=/key:/dev/sdb1', /rd\.luks\.key=.* leads to no device/],
  ['rootflags=degraded,device=/dev/sdb1', /rootflags=.* leads to no device: there is no \/dev\/sdb1/],
  ['net.ifnames=0 ip=eth1:dhcp', /the VM has 1 network adapter, so there is no eth1/],
  ['ifname=bootnet:00:50:56:00:00:01', /no network adapter of the VM has the MAC address 00:50:56:00:00:01/],
  ['BOOTIF=01-00-50-56-00-00-01', /no network adapter of the VM has the MAC address 00:50:56:00:00:01/],
];
for (const [words, fault] of BAD) {
  test(`${words} is not ready`, async () => {
    expect(await check(words)).toMatch(fault);
    expect(await check(words)).toMatch(/^not-ready: /);
  });
}

// A device that is not found could be inside a LUKS volume that was not opened, so this guest has no LUKS volume.
const OPEN: Partial<BootSubject> = { devices: (RICH.devices ?? []).filter(({ type }) => type !== 'crypto_LUKS') };
const MISSING: readonly [string, RegExp][] = [
  [`resume=UUID=${OTHER}`, /^not-ready: resume=.* leads to no device: no device has the UUID/],
  [`rd.luks.uuid=luks-${OTHER}`, /^not-ready: rd\.luks\.uuid=.* leads to no device/],
  ['rd.lvm.lv=vg/swap', /^not-ready: rd\.lvm\.lv=vg\/swap leads to no device/],
  ['rd.lvm.vg=old', /^not-ready: rd\.lvm\.vg=old: there is no volume group old/],
  ['rd.md.uuid=ffffffff:ffffffff:ffffffff:ffffffff', /^(not-ready|unknown): rd\.md\.uuid=.* leads to no device/],
];
for (const [words, fault] of MISSING)
  test(`${words} is not ready`, async () => expect(await check(words, OPEN)).toMatch(fault));

test('a root on VMware’s disk, on another file system, or on no disk is not ready', async () => {
  expect(await check('ro', {}, 'root=/dev/sda1')).toMatch(/^not-ready: root=\/dev\/sda1 leads to no device/);
  expect(await check('ro', {}, 'root=/dev/vda1')).toBe('ready');
  expect(await check('ro', {}, 'root=PARTUUID=22222222-01')).toBe('ready');
  expect(await check('ro', {}, 'root=LABEL=root')).toBe('ready');
  expect(await check('ro', RICH, 'root=/dev/vg/var')).toBe(
    'not-ready: root=/dev/vg/var leads to /dev/vg/var, and the root file system is on /dev/sda1.',
  );
  expect(await check('ro', {}, 'root=nfs:192.0.2.1:/srv')).toMatch(/^unknown: .*does not name a disk of the VM/);
  expect(await check(`ro root=UUID=${ROOT_UUID}`, {}, 'root=/dev/sda1')).toBe('ready');
});

test('a word that mounts another subvolume of btrfs than the root is not ready', async () => {
  const subject: Partial<BootSubject> = {
    devices: devices.map((device) => ({ ...device, type: 'btrfs' })),
    mounts: [{ mountable: 'btrfsvol:/dev/sda1/@', path: '/' }],
  };
  expect(await check('ro rootflags=noatime,subvol=/@', subject)).toBe('ready');
  expect(await check('ro rootflags=subvol=@before', subject)).toBe(
    'not-ready: rootflags=subvol=@before mounts another subvolume than @, whose files were checked.',
  );
});

test('a word that switches off what the root is on is not ready', async () => {
  const subject: Partial<BootSubject> = {
    devices: [
      { name: '/dev/sda1', disk: 0, partition: 1, type: 'ext2', uuid: ROOT_UUID },
      { name: '/dev/sda2', disk: 0, partition: 2, type: 'LVM2_member', uuid: 'pv', volumeGroup: 'vg' },
      { name: '/dev/vg/root', type: 'ext4', uuid: OTHER, volumeGroup: 'vg' },
    ],
    mounts: [
      { mountable: '/dev/vg/root', path: '/' },
      { mountable: '/dev/sda1', path: '/boot' },
    ],
  };
  const grub = (words: string) => debianGrubCfg({ root: 'root=/dev/mapper/vg-root', boot: '', words });
  const verdict = async (words: string) =>
    onlyFault(await checkBootEntries(bootSubject(debianTree(grub(words)), subject)));
  expect(await verdict('ro')).toEqual({ verdict: 'ready', fault: undefined });
  expect((await verdict('rd.lvm=0')).fault).toContain('rd.lvm=0 switches off what the root file system is on');
  expect((await verdict('rd_NO_LVM')).verdict).toBe('not-ready');
  expect((await verdict('rd.luks=0 rd.md=0')).verdict).toBe('ready');
});

test('names that only the hardware or the network decides are unknown', async () => {
  expect(await check('ip=ens192:dhcp', {})).toMatch(/^unknown: /);
  expect(await check('ip=eth0:dhcp', {})).toMatch(/^unknown: .*without net\.ifnames=0/);
  const nics = { hardware: { ...hardware, nics: [{ mac: undefined, driver: 'virtio_net' }] } };
  expect(await check('ifname=bootnet:00:50:56:00:00:01', nics)).toMatch(/^unknown: /);
  expect(await check('BOOTIF=01-00-50-56-00-00-01', { hardware: { ...hardware, nics: undefined } })).toMatch(
    /^unknown: /,
  );
  expect(await check('ip=ens192:dhcp', { hardware: { ...hardware, nics: [] } })).toMatch(/^not-ready: /);
});

test('splits a command line at white space outside quotes', () => {
  const words = wordsOf('a="b c" "d e=f"\tg', { file: 'f', line: 1 });
  expect(words.map(({ text }) => text)).toEqual(['a="b c"', '"d e=f"', 'g']);
});
