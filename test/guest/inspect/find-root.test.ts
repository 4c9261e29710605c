import { describe, expect, test } from '@jest/globals';
import { findRoot } from '../../../src/guest/inspect/find-root.ts';
import type { Guestfs } from '../../../src/guest/guestfs.ts';

/** A fake guestfish session for disks with these file systems. Each one that can be mounted contains `folders`. */
function disksWith(fileSystems: readonly string[], folders: readonly string[]): Guestfs {
  const session: Pick<Guestfs, 'lines' | 'attempt' | 'text' | 'call'> = {
    lines: () => Promise.resolve([...fileSystems]),
    attempt: () => Promise.resolve(Buffer.alloc(0)),
    text: ([command = '', path = '']) => Promise.resolve(String(command === 'is-dir' && folders.includes(path))),
    call: () => Promise.resolve(Buffer.alloc(0)),
  };
  // oxlint-disable-next-line no-unsafe-type-assertion -- a fake, because not every appliance can create or mount NTFS
  return session as Guestfs;
}

test.each([
  [
    'data on NTFS',
    [['/dev/sda1', 'ntfs']],
    'There is no Linux system on the disks.',
    /^They hold: \/dev\/sda1 \(ntfs\)\. For a VM that has only data, use --no-system\.$/,
  ],
  [
    'a locked volume',
    [
      ['/dev/sda1', 'vfat'],
      ['/dev/sda2', 'crypto_LUKS'],
    ],
    'There is no system on the disks that can be read; encrypted: /dev/sda2 (LUKS).',
    /--key \/dev\/sda2:file:PATH/,
  ],
])('%s is named, with what to do', async (_what, found, message, hint) => {
  const devices = found.map(([name = '', type = '']) => ({ name, type }));
  // libguestfs does not include encrypted devices in its list of file systems.
  const fileSystems = devices.filter(({ type }) => type !== 'crypto_LUKS').map(({ name, type }) => `${name}: ${type}`);
  await expect(findRoot(disksWith(fileSystems, []), undefined, { devices, opened: [] })).rejects.toMatchObject({
    kind: 'guest',
    message,
    hint: expect.stringMatching(hint),
  });
});

test('an encrypted volume that was opened is not the reason for finding no system', async () => {
  const devices = [
    { name: '/dev/sda2', type: 'crypto_LUKS' },
    { name: '/dev/mapper/data', type: 'ext4' },
  ];
  const opened = [{ device: '/dev/sda2', name: 'data' }];
  await expect(findRoot(disksWith([], []), undefined, { devices, opened })).rejects.toThrow(
    'There is no Linux system on the disks.',
  );
});

describe('btrfs, whose default subvolume libguestfs lists under the name of its device', () => {
  const TOP_LEVEL = 5;
  /** A fake session of a btrfs file system whose subvolumes all contain a system with this fstab. */
  function btrfsWith(subvolumes: readonly string[], fstab: string, defaultId: number): Guestfs {
    const names = subvolumes.map((path, index) => ({ path, id: 256 + index }));
    const list = names.map(
      ({ path, id }, index) =>
        `[${index}] = {\n  btrfssubvolume_id: ${id}\n  btrfssubvolume_top_level_id: 5\n  btrfssubvolume_path: ${path}\n}`,
    );
    const listed = names.filter(({ id }) => id !== defaultId).map(({ path }) => `btrfsvol:/dev/sda2/${path}: btrfs`);
    const texts: Readonly<Record<string, string>> = {
      'btrfs-subvolume-get-default': String(defaultId),
      'btrfs-subvolume-list': list.join('\n'),
      exists: 'true',
      'is-file': 'true',
    };
    const session: Pick<Guestfs, 'lines' | 'attempt' | 'text' | 'call'> = {
      lines: () => Promise.resolve(['/dev/sda1: vfat', '/dev/sda2: btrfs', ...listed]),
      attempt: () => Promise.resolve(Buffer.alloc(0)),
      text: ([command = '']) => Promise.resolve(texts[command] ?? ''),
      call: ([command = '']) => Promise.resolve(Buffer.from(command === 'pread' ? fstab : '')),
    };
    // oxlint-disable-next-line no-unsafe-type-assertion -- a fake with the commands that are used
    return session as Guestfs;
  }
  const SUSE = ['@', '@/.snapshots', '@/.snapshots/1/snapshot', '@/.snapshots/2/snapshot'];
  const DEVICES = { devices: [{ name: '/dev/sda2', type: 'btrfs' }], opened: [] };

  test.each([
    ['as the SUSE family lays it out', SUSE, 'UUID=1 / btrfs defaults 0 0\n', 258, `/dev/sda2/${SUSE[2]}`],
    ['after a rollback to another snapshot', SUSE, 'UUID=1 / btrfs defaults 0 0\n', 259, `/dev/sda2/${SUSE[3]}`],
    ['whose fstab names its own', ['@', 'backup/@'], 'UUID=1 / btrfs subvol=/@ 0 0\n', TOP_LEVEL, '/dev/sda2/@'],
    ['whose fstab names the default', ['@', 'backup/@'], 'UUID=1 / btrfs subvol=@ 0 0\n', 256, '/dev/sda2/@'],
  ])('a root with snapshots %s', async (_how, subvolumes, fstab, defaultId, expected) => {
    const session = btrfsWith(subvolumes, fstab, defaultId);
    expect(await findRoot(session, undefined, DEVICES)).toBe(`btrfsvol:${expected}`);
  });

  test('a root at the top level, with snapshots', async () => {
    const session = btrfsWith(['.snapshots/1/snapshot'], 'UUID=1 / btrfs defaults 0 0\n', TOP_LEVEL);
    expect(await findRoot(session, undefined, DEVICES)).toBe('/dev/sda2');
  });

  test('--root takes the device, or the subvolume', async () => {
    const session = btrfsWith(SUSE, 'UUID=1 / btrfs defaults 0 0\n', 258);
    const found = `btrfsvol:/dev/sda2/${SUSE[2]}`;
    for (const wanted of ['/dev/sda2', found]) expect(await findRoot(session, wanted, DEVICES)).toBe(found);
  });
});

/** A fake guestfish session: Linux on `linux` by device and name, and what libguestfs recognizes itself. */
function systems(linux: Record<string, string>, others: Record<string, Record<string, string>> = {}): Guestfs {
  let mounted = '';
  const fileSystems = [...Object.keys(linux).map((device) => `${device}: ext4`), '/dev/sdc1: ufs'];
  const answers = ([command = '', path = '', ...more]: readonly string[]): string => {
    if (command === 'mount-ro') mounted = path;
    if (command === 'inspect-os') return Object.keys(others).join('\n');
    if (command.startsWith('inspect-get-')) return others[path]?.[command.slice('inspect-get-'.length)] ?? '';
    if (command === 'exists' || command === 'is-dir') return 'true';
    if (command === 'is-file') return String(path === '/etc/os-release');
    if (command === 'pread' && path === '/etc/os-release') return `PRETTY_NAME="${linux[mounted]}"\n`;
    return more.length > 0 ? '' : 'false';
  };
  const session: Pick<Guestfs, 'lines' | 'attempt' | 'text' | 'call'> = {
    lines: () => Promise.resolve(fileSystems),
    attempt: (command) => Promise.resolve(Buffer.from(answers(command))),
    text: (command) => Promise.resolve(answers(command)),
    call: (command) => Promise.resolve(Buffer.from(answers(command))),
  };
  // oxlint-disable-next-line no-unsafe-type-assertion -- a fake, because not every appliance can mount UFS
  return session as Guestfs;
}

test('several systems are listed with name, device and the option that selects each', async () => {
  const session = systems({
    '/dev/sda1': 'Debian GNU/Linux 12 (bookworm)',
    '/dev/sdb2': 'Rocky Linux 9.4 (Blue Onyx)',
  });
  await expect(findRoot(session, undefined, { devices: [], opened: [] })).rejects.toMatchObject({
    kind: 'guest',
    message:
      'There are 2 systems on the disks: Debian GNU/Linux 12 (bookworm) (/dev/sda1), Rocky Linux 9.4 (Blue Onyx) (/dev/sdb2).',
    hint: 'Choose one: --root /dev/sda1 for Debian GNU/Linux 12 (bookworm), --root /dev/sdb2 for Rocky Linux 9.4 (Blue Onyx); or convert without changing the guest with --fix off.',
  });
  expect(await findRoot(session, '/dev/sdb2', { devices: [], opened: [] })).toBe('/dev/sdb2');
  await expect(findRoot(session, '/dev/sdb1', { devices: [], opened: [] })).rejects.toMatchObject({
    hint: expect.stringMatching(/^There is: Debian GNU\/Linux 12 \(bookworm\) \(\/dev\/sda1\), /),
  });
});

test('a system that cannot be prepared is named with its version, and is not taken for data', async () => {
  const freebsd = { 'product-name': 'unknown', type: 'freebsd', 'major-version': '14', 'minor-version': '1' };
  const devices = [
    { name: '/dev/sda2', type: 'ufs' },
    { name: '/dev/sdb1', type: 'zfs_member' },
  ];
  const session = systems({}, { '/dev/sda2': freebsd });
  await expect(findRoot(session, undefined, { devices, opened: [] })).rejects.toMatchObject({
    isDataOnly: false,
    message:
      'There is no Linux and no Windows on the disks. They contain: FreeBSD 14.1 (/dev/sda2), a ZFS pool, as FreeBSD and appliances based on it have (/dev/sdb1).',
  });
  const data = [{ name: '/dev/sda1', type: 'xfs' }];
  await expect(findRoot(systems({}), undefined, { devices: data, opened: [] })).rejects.toMatchObject({
    isDataOnly: true,
  });
});
