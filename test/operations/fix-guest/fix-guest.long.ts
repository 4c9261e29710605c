import { createHash } from 'node:crypto';
import { createReadStream } from 'node:fs';
import { pipeline } from 'node:stream/promises';
import { expect } from '@jest/globals';
import { GuestFiles } from '../../../src/guest/guest-files.ts';
import { fixGuest } from '../../../src/operations/fix-guest/fix-guest.ts';
import type { TargetHardware } from '../../../src/guest/contract/boot-check.ts';
import type { FixGuestOptions, FixReport } from '../../../src/operations/fix-guest/types.ts';
import { APPLIANCE_TEST_MS, emptyDisk, imageFolder, withSession, writeTree, type Tree } from '../../guest/make-disk.ts';
import { testWithOracle } from '../../oracles/oracle.ts';

const MAC = '00:50:56:8a:01:01';
const BY_PATH = '/dev/disk/by-path/pci-0000:03:00.0-scsi-0:0:0:0-part1';
const HARDWARE: TargetHardware = {
  firmware: 'bios',
  secureBoot: false,
  disks: [{ driver: 'virtio_blk', names: 'vd' }],
  nics: [{ mac: MAC, driver: 'virtio_net' }],
};
const FSTAB = `# a comment\n${BY_PATH} / ext4 errors=remount-ro 0 1\n/dev/sdb1 /data ext4 nofail 0 2\n`;

const ROOT: Tree = {
  '/etc/os-release': 'ID=debian\nPRETTY_NAME="Debian GNU/Linux 12 (bookworm)"\n',
  '/etc/fstab': FSTAB,
  '/etc/default/grub': `GRUB_CMDLINE_LINUX="root=${BY_PATH}"\n`,
  '/boot/grub/grub.cfg': `\tlinux /boot/vmlinuz root=/dev/sda1 ro quiet\n`,
  '/boot/grub/device.map': '(hd0)\t/dev/disk/by-id/scsi-36000c29f\n',
  '/etc/network/interfaces': 'auto lo ens192\niface ens192 inet dhcp\n',
  '/lib/systemd/network/99-default.link': '[Match]\n',
  '/lib/systemd/system/open-vm-tools.service': '[Unit]\n',
  '/etc/systemd/system/multi-user.target.wants/open-vm-tools.service': {
    link: '/lib/systemd/system/open-vm-tools.service',
  },
  '/etc/modprobe.d/no.conf': 'blacklist virtio_net\nblacklist pcspkr\n',
  '/sbin': { folder: true },
};

function options(path: string, more: Partial<FixGuestOptions> = {}): FixGuestOptions {
  const disks = [{ path, format: 'raw' }];
  return {
    fix: 'auto',
    disks,
    nics: [{ mac: MAC }],
    hardware: HARDWARE,
    keys: [],
    root: undefined,
    removeVmwareTools: false,
    virtioWin: undefined,
    planOnly: false,
    ...more,
  };
}

async function fixed(wanted: FixGuestOptions): Promise<FixReport> {
  return await fixGuest(wanted, { signal: new AbortController().signal, report: () => {} });
}

async function sha256(path: string): Promise<string> {
  const hash = createHash('sha256');
  await pipeline(createReadStream(path), hash);
  return hash.digest('hex');
}

function changesOf(report: FixReport): string[] {
  if (report.outcome === 'not-fixed') throw new Error(report.reason);
  return report.changes.map(({ action, path }) => `${action} ${path}`);
}

testWithOracle(
  'guestfish',
  'a plan changes no byte, a fix keeps what it changes in the guest, and a second fix changes no byte',
  async () => {
    await using folder = await imageFolder();
    const disk = await emptyDisk(folder.path, 'guest.img', 96 * 2 ** 20);
    const uuid = await withSession([disk], false, async (session) => {
      await session.call(['part-disk', '/dev/sda', 'mbr']);
      await session.call(['mkfs', 'ext4', '/dev/sda1']);
      await session.call(['mount', '/dev/sda1', '/']);
      await writeTree(session, ROOT);
      return await session.text(['vfs-uuid', '/dev/sda1']);
    });
    const before = await sha256(disk.path);
    const planned = await fixed(options(disk.path, { planOnly: true }));
    expect(await sha256(disk.path)).toBe(before);

    const report = await fixed(options(disk.path));
    expect(changesOf(report)).toEqual([
      'edit /etc/fstab',
      'edit /etc/default/grub',
      'edit /boot/grub/grub.cfg',
      'remove /boot/grub/device.map',
      'create /etc/systemd/network/10-hyper2kvm-ens192.link',
      'edit /etc/modprobe.d/no.conf',
      'remove /etc/systemd/system/multi-user.target.wants/open-vm-tools.service',
    ]);
    expect(changesOf(planned)).toEqual(changesOf(report));
    expect(report).toMatchObject({
      outcome: 'fixed',
      root: '/dev/sda1',
      warnings: [
        '/etc/fstab names /dev/sdb1, which is not a device of this VM: the line stays as it is.',
        'No known kernel is installed, so no initramfs was checked.',
      ],
    });

    const whole = await sha256(disk.path);
    expect(changesOf(await fixed(options(disk.path)))).toEqual([]);
    expect(await sha256(disk.path)).toBe(whole);

    await withSession([disk], true, async (session) => {
      await session.call(['mount-ro', '/dev/sda1', '/']);
      const files = new GuestFiles(session);
      expect(await files.read('/etc/fstab')).toBe(FSTAB.replace(BY_PATH, `UUID=${uuid}`));
      expect(await files.read('/boot/grub/grub.cfg')).toBe(`\tlinux /boot/vmlinuz root=UUID=${uuid} ro quiet\n`);
      expect(await files.read('/etc/modprobe.d/no.conf')).toBe('#blacklist virtio_net\nblacklist pcspkr\n');
      expect(await files.read('/etc/systemd/network/10-hyper2kvm-ens192.link')).toContain(`MACAddress=${MAC}`);
      expect(await files.exists('/lib/systemd/system/open-vm-tools.service')).toBe(true);
      for (const { path, backup } of report.outcome === 'fixed' ? report.changes : []) {
        const content = ROOT[path];
        if (backup !== undefined && typeof content === 'string') expect(await files.read(backup)).toBe(content);
      }
    });
  },
  APPLIANCE_TEST_MS,
);

testWithOracle(
  'guestfish',
  'of two systems both are named and one can be chosen; a disk without one is nothing to fix',
  async () => {
    await using folder = await imageFolder();
    const disk = await emptyDisk(folder.path, 'two.img', 96 * 2 ** 20);
    await withSession([disk], false, async (session) => {
      await session.call(['part-init', '/dev/sda', 'gpt']);
      await session.call(['part-add', '/dev/sda', 'p', '2048', '90111']);
      await session.call(['part-add', '/dev/sda', 'p', '90112', '180000']);
      for (const name of ['/dev/sda1', '/dev/sda2']) {
        await session.call(['mkfs', 'ext4', name]);
        await session.call(['mount', name, '/']);
        await writeTree(session, {
          '/etc/fstab': '# none\n',
          '/etc/os-release': `ID=x\nPRETTY_NAME="on ${name}"\n`,
          '/sbin': { folder: true },
          '/lib': { folder: true },
        });
        await session.call(['umount-all']);
      }
    });
    await expect(fixed(options(disk.path, { fix: 'auto' }))).rejects.toThrow(
      'There are 2 systems on the disks: on /dev/sda1 (/dev/sda1), on /dev/sda2 (/dev/sda2).',
    );
    expect(await fixed(options(disk.path, { root: '/dev/sda2', planOnly: true }))).toMatchObject({
      system: 'on /dev/sda2',
    });

    const empty = await emptyDisk(folder.path, 'empty.img', 2 ** 20);
    expect(await fixed(options(empty.path, { fix: 'auto' }))).toEqual({
      outcome: 'not-fixed',
      reason: 'There is no Linux system on the disks.',
      hint: 'They hold: /dev/sda (unknown). For a VM that has only data, use --no-system.',
    });
  },
  APPLIANCE_TEST_MS,
);
