import type { GuestRecipe } from '../recipe.ts';
import { ROOT_AND_SWAP, biosGrubWithRoot, consoleSettings, ifupdown } from './settings.ts';

export const biosSda: GuestRecipe = {
  name: 'bios-sda',
  summary: '/dev/sda in fstab, root=, resume= and device.map; ifupdown configures ens192',
  controller: 'pvscsi',
  disks: [{ sizeMiB: 2048, scsiUnit: 0 }],
  networkAdapters: [{ model: 'e1000e', macAddress: '00:50:56:8a:05:01', pciSlotNumber: 192 }],
  packages: [],
  files: {
    '/etc/fstab': '/dev/sda1 / ext4 errors=remount-ro 0 1\n/dev/sda2 none swap sw 0 0\n',
    '/etc/default/grub': `${consoleSettings}GRUB_DISABLE_LINUX_UUID=true\nGRUB_CMDLINE_LINUX="resume=/dev/sda2"\n`,
    '/etc/initramfs-tools/conf.d/resume': 'RESUME=/dev/sda2\n',
    '/boot/grub/device.map': '(hd0)\t/dev/sda\n',
    '/etc/network/interfaces': ifupdown('ens192'),
  },
  prepare: 'update-initramfs -u -k all',
  ext4Root: true,
  layout: ROOT_AND_SWAP,
  install: biosGrubWithRoot('/dev/sda1'),
};
