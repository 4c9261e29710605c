import type { Guestfs } from '../../../src/guest/guestfs.ts';
import { emptyDisk, withSession, writeTree, type Tree } from '../../guest/make-disk.ts';

const MIB = 2 ** 20;
const VERSION = '6.1.0-1-amd64';

/** The files by which a system is detected. Nothing in it can run. */
function systemOn(name: string): Tree {
  return {
    '/etc/os-release': `ID=debian\nPRETTY_NAME="Debian on ${name}"\n`,
    '/etc/fstab': '/dev/sda1 / ext4 defaults 0 1\n/dev/sda2 /boot ext4 defaults 0 2\n',
    '/sbin': { folder: true },
    '/lib': { folder: true },
  };
}

/** A kernel whose initramfs has to be rebuilt, because the guest has no tool to list it. */
const KERNEL: Tree = {
  '/usr/sbin/update-initramfs': '#!/bin/sh\n',
  [`/lib/modules/${VERSION}/modules.dep`]: ['virtio_pci', 'virtio_blk', 'virtio_scsi', 'virtio_net']
    .map((name) => `kernel/${name}.ko:\n`)
    .join(''),
  [`/boot/vmlinuz-${VERSION}`]: 'a kernel',
};

/** The file names of the raw disk images. */
export const SMALL_GUESTS = ['plain.img', 'full.img', 'two-roots.img', 'no-system.img'] as const;

/**
 * Writes {@link SMALL_GUESTS} into a folder.
 * They are a guest, one whose /boot has no space for another initramfs, one with two roots, and a data disk.
 */
export async function makeSmallGuests(folder: string): Promise<void> {
  const disks = [];
  for (const name of SMALL_GUESTS) disks.push(await emptyDisk(folder, name, 64 * MIB));
  await withSession(disks, false, async (session) => {
    for (const letter of 'abcd') await partition(session, `/dev/sd${letter}`);
    await system(session, '/dev/sda1');
    await system(session, '/dev/sdb1');
    await session.call(['mount', '/dev/sdb1', '/']);
    await session.call(['mkdir-p', '/boot']);
    await session.call(['mount', '/dev/sdb2', '/boot']);
    await writeTree(session, KERNEL);
    await session.call(['fill', '65', String(10 * MIB), `/boot/initrd.img-${VERSION}`]);
    await session.call(['umount-all']);
    for (const name of ['/dev/sdc1', '/dev/sdc2']) await system(session, name);
    await session.call(['mount', '/dev/sdd1', '/']);
    await writeTree(session, { '/data/readme.txt': 'no system\n' });
  });
}

/** Creates two partitions of 46 and 16 MiB with ext4. */
async function partition(session: Guestfs, disk: string): Promise<void> {
  await session.call(['part-init', disk, 'mbr']);
  await session.call(['part-add', disk, 'p', '2048', '96255']);
  await session.call(['part-add', disk, 'p', '96256', '129023']);
  for (const name of [`${disk}1`, `${disk}2`]) await session.call(['mkfs', 'ext4', name]);
}

async function system(session: Guestfs, name: string): Promise<void> {
  await session.call(['mount', name, '/']);
  await writeTree(session, systemOn(name));
  await session.call(['umount-all']);
}
