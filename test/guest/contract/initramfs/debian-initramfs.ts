import type { BootSubject } from '../../../../src/guest/contract/boot-check.ts';
import { debianGrubCfg, debianTree, VERSION } from '../boot-entries/debian-grub.ts';
import { bootSubject, type TreeContent } from '../tree-of-files.ts';
import { gzipped } from './make-initramfs.ts';

export const IMAGE = `/boot/initrd.img-${VERSION}`;
export const MODULES = `/usr/lib/modules/${VERSION}`;
const OLD_VERSION = '6.1.0-18-amd64';

const DEP = [
  'kernel/drivers/virtio/virtio.ko:',
  'kernel/drivers/virtio/virtio_ring.ko:',
  'kernel/drivers/virtio/virtio_pci.ko: kernel/drivers/virtio/virtio_ring.ko kernel/drivers/virtio/virtio.ko',
  'kernel/drivers/block/virtio_blk.ko: kernel/drivers/virtio/virtio_ring.ko kernel/drivers/virtio/virtio.ko',
  'kernel/drivers/md/dm-mod.ko:',
  'kernel/drivers/md/dm-crypt.ko: kernel/drivers/md/dm-mod.ko',
  'kernel/drivers/md/md-mod.ko:',
  'kernel/drivers/md/raid1.ko: kernel/drivers/md/md-mod.ko',
  'kernel/fs/ext4/ext4.ko: kernel/fs/jbd2/jbd2.ko',
  'kernel/fs/jbd2/jbd2.ko:',
].join('\n');

/** The driver of virtio NICs, which is on the root file system only. */
export const NIC_DRIVER = `${MODULES}/kernel/drivers/net/virtio_net.ko`;

/** The files of a Debian initramfs, without the modules that `missing` names. */
export function initramfsTree(
  missing: readonly string[] = [],
  changes: TreeContent = {},
  version = VERSION,
): TreeContent {
  const modules = DEP.split('\n')
    .map((line) => line.split(':')[0] ?? '')
    .filter((path) => !missing.some((name) => path.endsWith(`/${name}.ko`)))
    .map((path) => [`/usr/lib/modules/${version}/${path}`, 'module'] as const);
  const links = { '/lib': { link: 'usr/lib' }, '/sbin': { link: 'usr/sbin' } };
  return { '/init': '#!/bin/sh\n', ...links, ...Object.fromEntries(modules), ...changes };
}

/** The files of a Debian guest with this initramfs and two installed kernels. */
export function debianFiles(image: Buffer | string, changes: TreeContent = {}): TreeContent {
  return debianTree(debianGrubCfg(), {
    '/lib': { link: 'usr/lib' },
    [`${MODULES}/modules.builtin`]: 'kernel/drivers/scsi/sd_mod.ko\n',
    [`${MODULES}/modules.dep`]: `${DEP}\nkernel/drivers/net/virtio_net.ko: kernel/net/core/failover.ko\n`,
    [NIC_DRIVER]: 'module',
    [`${MODULES}/kernel/net/core/failover.ko`]: 'module',
    [IMAGE]: image,
    [`/boot/initrd.img-${OLD_VERSION}`]: gzipped(initramfsTree([], {}, OLD_VERSION)),
    [`/usr/lib/modules/${OLD_VERSION}/modules.builtin`]: '',
    ...changes,
  });
}

/** A Debian guest with these files. */
export function guestWith(
  image: Buffer | string,
  changes: TreeContent = {},
  subject: Partial<BootSubject> = {},
): BootSubject {
  return bootSubject(debianFiles(image, changes), subject);
}

/** A guest whose GRUB has one entry, with this root and these kernel options. */
export function guestBooting(
  { root, words = 'ro' }: { root: string; words?: string },
  initramfs: TreeContent,
  subject: Partial<BootSubject>,
  changes: TreeContent = {},
): BootSubject {
  const uuid = (subject.devices ?? []).find(({ type }) => type === 'ext2' || type === 'ext4')?.uuid ?? '';
  const grub = `search --fs-uuid --set=root ${uuid}
menuentry 'Debian' {
  linux /vmlinuz-${VERSION} root=${root} ${words}
  initrd /initrd.img-${VERSION}
}
`;
  return guestWith(gzipped(initramfs), { '/boot/grub/grub.cfg': grub, ...changes }, subject);
}
