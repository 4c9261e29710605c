import { expect } from '@jest/globals';
import { writeFile } from 'node:fs/promises';
import { join } from 'node:path';
import type { GuestDisk } from '../../../src/guest/guest.ts';
import type { Guestfs } from '../../../src/guest/guestfs.ts';
import { openGuest } from '../../../src/guest/inspect/open-guest.ts';
import { linuxFixes, planFixes } from '../../../src/guest/linux/plan-fixes.ts';
import { testWithOracle } from '../../oracles/oracle.ts';
import { APPLIANCE_TEST_MS, emptyDisk, imageFolder, withSession, writeTree } from '../make-disk.ts';

const PASSPHRASE = 'correct horse';
const FSTAB = '/dev/mapper/vg-root / ext4 defaults 0 1\n/dev/sda1 /boot ext4 defaults 0 2\n';

/**
 * Creates a guest with `/boot`, and a root on LVM in a LUKS 2 partition. crypttab opens the partition as `sda2_crypt`
 * by its name on the old hardware.
 */
async function makeEncryptedGuest(disk: GuestDisk): Promise<string> {
  return await withSession([disk], false, async (session) => {
    await session.call(['part-init', '/dev/sda', 'gpt']);
    await session.call(['part-add', '/dev/sda', 'p', '2048', '43007']);
    await session.call(['part-add', '/dev/sda', 'p', '43008', '-34']);
    await session.call(['mkfs', 'ext4', '/dev/sda1']);
    await session.call(['luks-format', '/dev/sda2', '0'], { input: [PASSPHRASE] });
    await session.call(['cryptsetup-open', '/dev/sda2', 'made'], { input: [PASSPHRASE] });
    await session.call(['pvcreate', '/dev/mapper/made']);
    await session.call(['vgcreate', 'vg', '/dev/mapper/made']);
    await session.call(['lvcreate', 'root', 'vg', '64']);
    await session.call(['mkfs', 'ext4', '/dev/vg/root']);
    await session.call(['mount', '/dev/vg/root', '/']);
    await writeTree(session, {
      '/etc/os-release': 'ID=debian\nPRETTY_NAME="Debian on LUKS"\n',
      '/etc/fstab': FSTAB,
      '/etc/crypttab': 'sda2_crypt /dev/sda2 none luks,discard\n',
      '/sbin': { folder: true },
      '/lib': { folder: true },
      '/boot': { folder: true },
    });
    const uuid = await session.text(['luks-uuid', '/dev/sda2']);
    await session.call(['umount-all']);
    await session.call(['vg-activate-all', 'false']);
    await session.call(['cryptsetup-close', '/dev/mapper/made']);
    return uuid;
  });
}

/** Returns the names that dmsetup lists in the appliance. Hooks of the guest query them. */
async function mapperNames(session: Guestfs): Promise<string[]> {
  return await session.lines(['list-dm-devices']);
}

testWithOracle(
  'guestfish',
  'an encrypted guest is refused without its key, and opened with it under the name of its crypttab',
  async () => {
    await using folder = await imageFolder();
    const disk = await emptyDisk(folder.path, 'luks.img', 200 * 2 ** 20);
    const uuid = await makeEncryptedGuest(disk);
    const keyFile = join(folder.path, 'key');
    await writeFile(keyFile, `${PASSPHRASE}\n`);
    const wrongFile = join(folder.path, 'wrong');
    await writeFile(wrongFile, 'another\n');
    const common = { disks: [disk], nics: [], root: undefined };

    await withSession([disk], true, async (session) => {
      await expect(openGuest(session, { ...common, keys: [] })).rejects.toMatchObject({
        kind: 'guest',
        message: 'There is no system on the disks that can be read; encrypted: /dev/sda2 (LUKS).',
        hint: 'Give the passphrase in a file with --key /dev/sda2:file:PATH.',
      });
      const wrong = [{ device: '/dev/sda2', keyFile: wrongFile }];
      await expect(openGuest(session, { ...common, keys: wrong })).rejects.toThrow('does not open /dev/sda2');
      const other = [{ device: '/dev/sda1', keyFile }];
      await expect(openGuest(session, { ...common, keys: other })).rejects.toMatchObject({
        kind: 'usage',
        hint: 'There is: /dev/sda2.',
      });
      expect(await mapperNames(session)).toEqual([]);

      const guest = await openGuest(session, { ...common, keys: [{ device: 'all', keyFile }] });
      expect(guest.opened).toEqual([{ device: '/dev/sda2', name: 'sda2_crypt' }]);
      expect(await mapperNames(session)).toEqual(['/dev/mapper/sda2_crypt']);
      expect(guest.mounts).toEqual([
        { mountable: '/dev/vg/root', path: '/' },
        { mountable: '/dev/sda1', path: '/boot' },
      ]);
      expect(guest.devices).toContainEqual(expect.objectContaining({ name: '/dev/sda2', type: 'crypto_LUKS', uuid }));
      const draft = await planFixes(guest, linuxFixes({ removeVmwareTools: false }));
      expect(await draft.read('/etc/crypttab')).toBe(`sda2_crypt UUID=${uuid} none luks,discard\n`);
      expect(draft.warnings).toEqual([]);
    });
  },
  APPLIANCE_TEST_MS,
);
