import { expect, test } from '@jest/globals';
import { Secret } from '../../../../src/base/text/secret.ts';
import type { Guestfs } from '../../../../src/guest/guestfs.ts';
import { findVolumeNames, readVolumeNames } from '../../../../src/guest/inspect/disks/volume-names.ts';
import { treeOfFiles } from '../../contract/tree-of-files.ts';

const GUEST = {
  devices: [
    { name: '/dev/sda3', disk: 0, partition: 3, type: 'crypto_LUKS', uuid: 'aaaa' },
    { name: '/dev/vg/home', type: 'crypto_LUKS', uuid: 'bbbb' },
    { name: '/dev/vg/root', type: 'ext4', uuid: 'cccc' },
  ],
  disks: [{ path: 'disk.qcow2', format: 'qcow2' }],
  diskOrder: [0],
};

test.each([
  ['a device of the old hardware', 'sda3_crypt /dev/sda3 none luks\n', { '/dev/sda3': 'sda3_crypt' }],
  ['a UUID', 'luks-aaaa UUID=aaaa none\n', { '/dev/sda3': 'luks-aaaa' }],
  ['a logical volume', 'home /dev/mapper/vg-home none luks\n', { '/dev/vg/home': 'home' }],
  ['the first of two lines', 'a UUID=aaaa none\nb UUID=aaaa none\n', { '/dev/sda3': 'a' }],
  ['a name that is in use', 'vg-root UUID=aaaa none\n', {}],
  ['a name that is not plain', 'a/b UUID=aaaa none\n', {}],
  ['no device of this VM', 'x UUID=ffff none\n', {}],
])('crypttab names a volume by %s', async (_what, crypttab, expected) => {
  const names = await readVolumeNames(treeOfFiles({ '/etc/crypttab': crypttab }), GUEST);
  expect(Object.fromEntries(names)).toEqual(expected);
});

test.each([
  ['/etc/kernel/cmdline', 'rd.luks.name=aaaa=cryptroot root=/dev/mapper/cryptroot rw\n'],
  ['/etc/default/grub', 'GRUB_CMDLINE_LINUX="cryptdevice=UUID=aaaa:cryptroot:allow-discards quiet"\n'],
])('the command line in %s names one', async (path, text) => {
  const names = await readVolumeNames(treeOfFiles({ [path]: text }), GUEST);
  expect(Object.fromEntries(names)).toEqual({ '/dev/sda3': 'cryptroot' });
});

test('the crypttab of a root in a btrfs subvolume names its volume', async () => {
  const subvolume = 'btrfsvol:/dev/mapper/luks-aaaa/@rootfs';
  let mounted = '';
  const session: Pick<Guestfs, 'lines' | 'attempt' | 'text' | 'call'> = {
    lines: () => Promise.resolve(['/dev/sda1: vfat', '/dev/mapper/luks-aaaa: btrfs', `${subvolume}: btrfs`]),
    attempt: ([, mountable = '']) => {
      mounted = mountable;
      return Promise.resolve(Buffer.alloc(0));
    },
    text: ([, path = '']) => Promise.resolve(String(mounted === subvolume && path === '/etc/crypttab')),
    call: ([command = '']) =>
      Promise.resolve(Buffer.from(command === 'pread' ? 'cryptroot UUID=aaaa none luks\n' : '')),
  };
  const opened = [{ device: '/dev/sda3', name: 'luks-aaaa', passphrase: new Secret('x') }];
  const devices = [...GUEST.devices, { name: '/dev/mapper/luks-aaaa', type: 'btrfs', uuid: 'dddd' }];
  // oxlint-disable-next-line no-unsafe-type-assertion -- a fake with the commands that are used
  const names = await findVolumeNames(session as Guestfs, opened, { ...GUEST, devices });
  expect(Object.fromEntries(names)).toEqual({ '/dev/sda3': 'cryptroot' });
});
