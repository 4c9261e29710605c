import { expect, test } from '@jest/globals';
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
    /^They hold: \/dev\/sda1 \(ntfs\)\.$/,
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
