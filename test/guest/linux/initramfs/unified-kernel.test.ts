import { describe, expect, test } from '@jest/globals';
import type { Fix } from '../../../../src/guest/change.ts';
import { checkLine, type BootSubject } from '../../../../src/guest/contract/boot-check.ts';
import { checkInitramfs } from '../../../../src/guest/contract/initramfs/check-initramfs.ts';
import type { GuestKernel } from '../../../../src/guest/guest.ts';
import { initramfs } from '../../../../src/guest/linux/initramfs/initramfs.ts';
import { findInitramfsTool } from '../../../../src/guest/linux/initramfs/initramfs-tool.ts';
import { unifiedTool } from '../../../../src/guest/linux/initramfs/unified-kernel.ts';
import { makePe, SYSTEMD_BOOT_EFI } from '../../contract/boot-entries/make-pe.ts';
import { ROOT_UUID, VERSION } from '../../contract/boot-entries/debian-grub.ts';
import { debianFiles, initramfsTree, MODULES } from '../../contract/initramfs/debian-initramfs.ts';
import { gzipped } from '../../contract/initramfs/make-initramfs.ts';
import { bootSubject, type TreeContent } from '../../contract/tree-of-files.ts';
import { plannedOn } from '../planned-on.ts';

const IMAGE = `/boot/efi/EFI/Linux/linux-${VERSION}.efi`;
const KERNEL: GuestKernel = { version: VERSION, image: `/boot/vmlinuz-${VERSION}`, initramfs: undefined };
const WORDS = `root=UUID=${ROOT_UUID} ro`;
const VIRTIO = ['virtio', 'virtio_ring', 'virtio_pci', 'virtio_blk'];
const DRACUT = {
  '/usr/bin/dracut': 'program',
  '/etc/dracut.conf.d/uki.conf': `uefi="yes"\nkernel_cmdline="${WORDS}"\n`,
};

function unified(missing: readonly string[] = []): Buffer {
  return makePe({
    '.osrel': 'ID=debian\n',
    '.cmdline': WORDS,
    '.linux': 'kernel',
    '.initrd': gzipped(initramfsTree(missing)),
  });
}

/** The faults that the boot contract finds in a guest whose systemd-boot starts this unified image. */
async function checked(image: TreeContent, previousInitramfs?: BootSubject['previousInitramfs']): Promise<string[]> {
  const { '/boot/grub/grub.cfg': _grub, ...files } = debianFiles('');
  const tree = { ...files, '/boot/efi/EFI/BOOT/BOOTX64.EFI': SYSTEMD_BOOT_EFI, ...image };
  const { devices, mounts, hardware, ...subject } = bootSubject(tree);
  const checks = await checkInitramfs({
    ...subject,
    devices: [...devices, { name: '/dev/sda2', disk: 0, partition: 2, type: 'vfat', uuid: 'ABCD-1234' }],
    mounts: [...mounts, { mountable: '/dev/sda2', path: '/boot/efi' }],
    hardware: { ...hardware, firmware: 'uefi' },
    previousInitramfs,
  });
  return checks.filter(({ verdict }) => verdict !== 'ready').map(checkLine);
}

/** The initramfs change and obstacles of a guest with this unified image. */
async function planned(image: Buffer, files: TreeContent, kernel: GuestKernel = KERNEL) {
  const builtin = 'kernel/drivers/scsi/virtio_scsi.ko\nkernel/drivers/net/virtio_net.ko\n';
  const content = debianFiles('', { [`${MODULES}/modules.builtin`]: builtin, [IMAGE]: image, ...files });
  const plan = await plannedOn(content, initramfs, { kernels: [kernel] });
  const runs = plan.changes.filter(({ action }) => action === 'run');
  return { runs: runs.map(({ path, details }) => `${path}: ${details.join()}`), obstacles: plan.obstacles };
}

test('a unified image without virtio is rebuilt by dracut, in its place', async () => {
  expect(await planned(unified(VIRTIO), DRACUT)).toEqual({
    runs: [`${IMAGE}: dracut for kernel ${VERSION}: virtio_pci, virtio_blk missing`],
    obstacles: [],
  });
});

test('a unified image that has what it needs stays, and no other initramfs is made', async () => {
  expect(await planned(unified(), DRACUT)).toEqual({ runs: [], obstacles: [] });
});

describe('kernel-install with layout=uki', () => {
  const LAYOUT = { '/etc/kernel/install.conf': '# made by hand\nlayout=uki\n' };
  const KERNEL_INSTALL = { ...LAYOUT, '/usr/bin/kernel-install': 'program' };
  const INITRAMFS = `/boot/initrd.img-${VERSION}`;

  test('dracut rebuilds the image, whatever its own configuration', async () => {
    const { runs } = await planned(unified(VIRTIO), { ...LAYOUT, '/usr/bin/dracut': 'program' });
    expect(runs).toEqual([`${IMAGE}: dracut for kernel ${VERSION}: virtio_pci, virtio_blk missing`]);
  });

  test('another tool rebuilds the initramfs, and kernel-install the image, once', async () => {
    const files = {
      ...KERNEL_INSTALL,
      '/usr/sbin/update-initramfs': 'program',
      [INITRAMFS]: gzipped(initramfsTree(VIRTIO)),
    };
    const { runs, obstacles } = await planned(unified(VIRTIO), files, { ...KERNEL, initramfs: INITRAMFS });
    expect(runs).toEqual([`${IMAGE}: update-initramfs for kernel ${VERSION}: virtio_pci, virtio_blk missing`]);
    expect(obstacles).toEqual([]);
  });

  test('the commands are those of the tool, then kernel-install', async () => {
    const kernel = { ...KERNEL, initramfs: INITRAMFS };
    const content = { ...KERNEL_INSTALL, '/usr/sbin/update-initramfs': 'program' };
    const found: (readonly string[] | undefined)[] = [];
    const fix: Fix = {
      name: 'initramfs',
      plan: async (guest, draft) => {
        const tool = await unifiedTool(guest, draft, await findInitramfsTool(guest), { commandLine: WORDS, kernel });
        found.push(tool?.rebuild(kernel, IMAGE), tool?.afterwards);
      },
    };
    await plannedOn(content, fix);
    expect(found).toEqual([
      ['update-initramfs', '-u', '-k', VERSION],
      ['kernel-install', 'add', VERSION, KERNEL.image, INITRAMFS],
    ]);
  });
});

test.each([
  ['no tool', {}],
  ['another tool', { '/usr/sbin/update-initramfs': 'program' }],
  ['a dracut that builds no unified images', { '/usr/bin/dracut': 'program' }],
])('a unified image that lacks drivers in a guest with %s is an obstacle', async (_what, files) => {
  const { runs, obstacles } = await planned(unified(VIRTIO), files);
  expect(runs).toEqual([]);
  expect(obstacles).toEqual([
    `The unified kernel image ${IMAGE} must be rebuilt (virtio_pci, virtio_blk missing), and the guest has no known tool that builds it: rebuild it in the guest before the conversion.`,
  ]);
});

test('a unified image of another kernel is left alone', async () => {
  const other = '/boot/efi/EFI/Linux/linux-5.10.efi';
  const content = { [other]: unified(VIRTIO), ...DRACUT };
  expect((await planned(unified(), content)).runs).toEqual([]);
});

test('the version of a unified image without one is not taken from its name', async () => {
  const path = `/boot/efi/EFI/Linux/linux-${VERSION}-0f1e2d3c4b5a69788796a5b4c3d2e1f0.efi`;
  expect(await checked({ [path]: unified() })).toEqual([]);
  expect(await checked({ [path]: unified(VIRTIO) })).toEqual(
    expect.arrayContaining([`${path}: virtio_pci is neither in the initramfs nor in kernel ${VERSION}.`]),
  );
});

test('a rebuilt unified image is compared with the one before', async () => {
  const withCrypttab = { '/cryptroot/crypttab': 'vault UUID=aaaa none luks\n' };
  const before = makePe({ '.linux': 'kernel', '.initrd': gzipped(initramfsTree([], withCrypttab)) });
  const found = await checked({ [IMAGE]: unified() }, async (path) => (path === IMAGE ? before : undefined));
  expect(found).toEqual([
    `${IMAGE}:/cryptroot/crypttab: The earlier initramfs had the encrypted volume vault, which this one lacks.`,
  ]);
});
