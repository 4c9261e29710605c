import { expect, test } from '@jest/globals';
import { findInitramfsTool, type InitramfsTool } from '../../../../src/guest/linux/initramfs/initramfs-tool.ts';
import { hasCopyOf, missingModules } from '../../../../src/guest/linux/initramfs/initramfs.ts';
import { moduleNames } from '../../../../src/guest/linux/initramfs/kernel-modules.ts';

const MODULES = ['virtio_pci', 'virtio_blk'];

async function toolAt(path: string): Promise<InitramfsTool> {
  const files = { isFile: (asked: string) => Promise.resolve(asked === path) };
  const tool = await findInitramfsTool({ files } as never);
  if (!tool) throw new Error(`no tool at ${path}`);
  return tool;
}

test.each([
  ['/usr/sbin/update-initramfs', undefined, 'virtio_pci\nvirtio_blk\n'],
  [
    '/usr/sbin/update-initramfs',
    '# List of modules\nvirtio_pci  # own\n',
    '# List of modules\nvirtio_pci  # own\nvirtio_blk\n',
  ],
  ['/usr/sbin/update-initramfs', 'ext4', 'ext4\nvirtio_pci\nvirtio_blk\n'],
  ['/usr/bin/mkinitcpio', 'MODULES=()\nHOOKS=(base udev)\n', 'MODULES=(virtio_pci virtio_blk)\nHOOKS=(base udev)\n'],
  [
    '/usr/bin/mkinitcpio',
    '# MODULES=(x)\nMODULES=(btrfs virtio_blk)\n',
    '# MODULES=(x)\nMODULES=(btrfs virtio_blk virtio_pci)\n',
  ],
  ['/usr/bin/mkinitcpio', 'MODULES="ext4"\n', 'MODULES="ext4 virtio_pci virtio_blk"\n'],
  ['/usr/bin/mkinitcpio', 'HOOKS=(base)', 'HOOKS=(base)\nMODULES=(virtio_pci virtio_blk)\n'],
])('%s takes drivers in: %j', async (path, before, after) => {
  const tool = await toolAt(path);
  expect(tool.configure(before, MODULES)).toBe(after);
  expect(tool.configure(after, MODULES)).toBe(after);
});

test('dracut is told in a file of its own', async () => {
  const tool = await toolAt('/usr/bin/dracut');
  expect(tool.configPath).toBe('/etc/dracut.conf.d/90-hyper2kvm.conf');
  expect(tool.configure(undefined, MODULES)).toMatch(/^add_drivers\+=" virtio_pci virtio_blk "$/m);
});

test('modules are told by their file names', () => {
  const paths = [
    'kernel/drivers/virtio/virtio_pci.ko',
    'usr/lib/modules/6/kernel/x/virtio-blk.ko.xz',
    'a/virtio_scsi.ko.zst',
    'a/no.kox',
    'virtio_net',
  ];
  expect([...moduleNames(paths)]).toEqual(['virtio_pci', 'virtio_blk', 'virtio_scsi']);
});

test('modules of another kernel in the image do not count', () => {
  const paths = ['usr/lib/modules/6.1/kernel/virtio_pci.ko', 'usr/lib/modules/5.10/kernel/virtio_blk.ko'];
  expect(missingModules(paths, '6.1', MODULES)).toEqual(['virtio_blk']);
});

test('an image is stale only if it has a copy of the file that changes', () => {
  const debian = ['.', 'cryptroot/crypttab', 'etc/lvm/lvm.conf', 'etc/mdadm/mdadm.conf'];
  expect(hasCopyOf('/etc/crypttab', debian)).toBe(true);
  expect(hasCopyOf('/etc/lvm/lvm.conf', debian)).toBe(true);
  expect(hasCopyOf('/etc/lvm/devices/system.devices', debian)).toBe(false);
  expect(hasCopyOf('/etc/mdadm.conf', debian)).toBe(false);
  expect(hasCopyOf('/etc/crypttab', ['./etc/crypttab'])).toBe(true);
});
