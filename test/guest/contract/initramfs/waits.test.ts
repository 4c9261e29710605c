import { expect, test } from '@jest/globals';
import { checkInitramfs } from '../../../../src/guest/contract/initramfs/check-initramfs.ts';
import { debianGrubCfg, ROOT_UUID } from '../boot-entries/debian-grub.ts';
import { faultsOf, onlyFault } from '../boot-entries/faults.ts';
import type { TreeContent } from '../tree-of-files.ts';
import { guestWith, IMAGE, initramfsTree } from './debian-initramfs.ts';
import { gzipped } from './make-initramfs.ts';

const HOOKS = '/usr/lib/dracut/hooks/initqueue/finished';
const OTHER = '66666666-aaaa-4bbb-8ccc-000000000006';

async function check(initramfs: TreeContent, earlier?: TreeContent, root?: string) {
  const previousInitramfs =
    earlier && (async (path: string) => (path === IMAGE ? gzipped(initramfsTree([], earlier)) : undefined));
  const grub = root === undefined ? {} : { '/boot/grub/grub.cfg': debianGrubCfg({ root }) };
  return await checkInitramfs(guestWith(gzipped(initramfsTree([], initramfs)), grub, { previousInitramfs }));
}

test('names of the target’s devices in an initramfs are ready', async () => {
  const tree = {
    '/conf/conf.d/resume': 'RESUME=none\n',
    '/etc/cmdline.d/90root.conf': ` root=UUID=${ROOT_UUID} rootfstype=ext4 \n`,
    '/etc/fstab': `UUID=${ROOT_UUID} / ext4 defaults 0 1\ntmpfs /run tmpfs defaults 0 0\n/dev/sr0 /cd iso9660 noauto 0 0\n`,
    [`${HOOKS}/devexists-\\x2fdev\\x2fdisk\\x2fby-uuid\\x2f${ROOT_UUID}.sh`]: '[ -e ]\n',
    [`/etc/systemd/system/initrd.target.wants/dev-disk-by\\x2duuid-${ROOT_UUID.replaceAll('-', '\\x2d')}.device`]: '',
  };
  const checks = await check(tree);
  expect(faultsOf(checks)).toEqual([]);
  expect(checks.filter(({ file }) => file.startsWith(`${IMAGE}:`))).toHaveLength(4);
});

const FAULTS: readonly [string, TreeContent, RegExp][] = [
  [
    'ROOT of initramfs-tools',
    { '/conf/conf.d/root': 'ROOT=/dev/sda1\n' },
    /:\/conf\/conf\.d\/root:1 ROOT is \/dev\/sda1/,
  ],
  [
    'resume= of dracut',
    { '/etc/cmdline.d/95resume.conf': `resume=UUID=${OTHER}\n` },
    /:\/etc\/cmdline\.d\/95resume\.conf:1 resume=UUID=/,
  ],
  [
    'ifname= of dracut',
    { '/etc/cmdline.d/45ifname.conf': 'ifname=ens192:00:50:56:00:00:09\n' },
    /no network adapter of the VM has the MAC/,
  ],
  ['a line of fstab', { '/etc/fstab': '/dev/sdb1 /usr ext4 ro 0 0\n' }, /:\/etc\/fstab:1 \/usr is on \/dev\/sdb1/],
  [
    'a wait of dracut',
    { [`${HOOKS}/devexists-\\x2fdev\\x2fdisk\\x2fby-id\\x2fwwn-0x6000c29aa.sh`]: '' },
    /dracut waits for \/dev\/disk\/by-id\/wwn-0x6000c29aa/,
  ],
  [
    'a wait of systemd',
    {
      '/etc/systemd/system/initrd.target.requires/dev-disk-by\\x2dpath-pci\\x2d0000:03:00.0\\x2dscsi\\x2d0:0:0:0\\x2dpart1.device':
        '',
    },
    /systemd waits for \/dev\/disk\/by-path\/pci-0000:03:00\.0-scsi-0:0:0:0-part1/,
  ],
];

for (const [what, tree, fault] of FAULTS) {
  test(`${what} that names a device of VMware is not ready`, async () => {
    expect(onlyFault(await check(tree))).toEqual({ verdict: 'not-ready', fault: expect.stringMatching(fault) });
  });
}

test('RESUME of initramfs-tools does not keep a guest from starting', async () => {
  const checks = await check({ '/conf/conf.d/resume': `RESUME=UUID=${OTHER}\n` });
  expect(faultsOf(checks)).toEqual([expect.stringMatching(/^\(advisory\).*RESUME is UUID=6666/)]);
  expect(onlyFault(checks).verdict).toBe('ready');
});

test('a root that nothing names is not ready', async () => {
  expect(onlyFault(await check({}, undefined, 'quiet')).fault).toContain(
    'Neither the command line nor the initramfs names the root',
  );
  const set = { '/conf/conf.d/root': `ROOT=UUID=${ROOT_UUID}\n` };
  expect(onlyFault(await check(set, undefined, 'quiet'))).toEqual({ verdict: 'ready', fault: undefined });
});

const EARLIER: readonly [string, TreeContent, TreeContent, string][] = [
  [
    'an encrypted volume',
    { '/cryptroot/crypttab': `data UUID=${ROOT_UUID} none luks\n` },
    {},
    'the encrypted volume data',
  ],
  [
    'a key file',
    { '/cryptroot/crypttab': `data UUID=${ROOT_UUID} /k luks\n`, '/k': 'key' },
    { '/cryptroot/crypttab': `data UUID=${ROOT_UUID} none luks\n` },
    'a key file for data',
  ],
  [
    'an array',
    { '/etc/mdadm/mdadm.conf': 'ARRAY /dev/md0 UUID=00112233:44556677:8899aabb:ccddeeff\n' },
    { '/etc/mdadm/mdadm.conf': '' },
    'the array 0011',
  ],
  ['a setting', { '/conf/conf.d/resume': 'RESUME=none\n' }, {}, 'the setting RESUME'],
  ['a word of dracut', { '/etc/cmdline.d/x.conf': 'rd.retry=300\n' }, {}, 'rd.retry= in its command line'],
];

for (const [what, earlier, present, fault] of EARLIER) {
  test(`${what} that the earlier initramfs had and this one lacks is not ready`, async () => {
    expect(faultsOf(await check(present))).toEqual([]);
    expect(onlyFault(await check(present, earlier))).toEqual({
      verdict: 'not-ready',
      fault: expect.stringContaining(fault),
    });
    expect(faultsOf(await check(earlier, earlier))).toEqual([]);
  });
}

test('a kernel without an initramfs does not find a root by UUID', async () => {
  const grub = (root: string): string => debianGrubCfg({ root }).replaceAll(/^\s*initrd.*$/gm, '');
  const builtin = ['virtio_pci', 'virtio_blk', 'ext4'].map((name) => `kernel/${name}.ko\n`).join('');
  const version = '6.1.0-30-amd64';
  const guest = (root: string) =>
    guestWith('', { '/boot/grub/grub.cfg': grub(root), [`/usr/lib/modules/${version}/modules.builtin`]: builtin });
  expect(onlyFault(await checkInitramfs(guest(`root=UUID=${ROOT_UUID}`))).fault).toContain('Without an initramfs');
  expect(onlyFault(await checkInitramfs(guest('root=PARTUUID=22222222-01'))).verdict).toBe('ready');
});
