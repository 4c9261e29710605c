import { expect, test } from '@jest/globals';
import { listKernels } from '../../../src/guest/inspect/kernels.ts';
import { treeOfFiles } from '../contract/tree-of-files.ts';

const VERSION = '6.8.5-301.fc40.x86_64';
const MACHINE = 'f0f0f0f0f0f0f0f0f0f0f0f0f0f0f0f0';
const MODULES = { [`/lib/modules/${VERSION}/modules.dep`]: '' };

test.each(['/boot', '/efi', '/boot/efi'])('kernels that kernel-install keeps on %s only', async (partition) => {
  const folder = `${partition}/${MACHINE}/${VERSION}`;
  const files = { ...MODULES, [`${folder}/linux`]: 'kernel', [`${folder}/initrd`]: 'initramfs' };
  expect(await listKernels(treeOfFiles(files))).toEqual([
    { version: VERSION, image: `${folder}/linux`, initramfs: `${folder}/initrd` },
  ]);
});

test('a kernel in /boot is the one that the guest’s tools work with', async () => {
  const files = {
    ...MODULES,
    [`/boot/vmlinuz-${VERSION}`]: 'kernel',
    [`/boot/initramfs-${VERSION}.img`]: 'initramfs',
    [`/boot/efi/${MACHINE}/${VERSION}/linux`]: 'kernel',
  };
  expect(await listKernels(treeOfFiles(files))).toEqual([
    { version: VERSION, image: `/boot/vmlinuz-${VERSION}`, initramfs: `/boot/initramfs-${VERSION}.img` },
  ]);
});

test('a kernel without modules or without an image is not bootable', async () => {
  expect(await listKernels(treeOfFiles({ [`/boot/vmlinuz-${VERSION}`]: 'kernel' }))).toEqual([]);
  expect(await listKernels(treeOfFiles(MODULES))).toEqual([]);
});
