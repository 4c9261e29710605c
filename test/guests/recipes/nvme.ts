import type { GuestRecipe } from '../recipe.ts';
import { ROOT_AND_SWAP, biosGrubWithRoot, consoleSettings, networkd } from './settings.ts';

export const nvme: GuestRecipe = {
  name: 'nvme',
  summary: '/dev/nvme0n1 in fstab and root=; networkd by name',
  controller: 'nvme',
  disks: [{ sizeMiB: 2048, scsiUnit: 0 }],
  networkAdapters: [
    { model: 'vmxnet3', macAddress: '00:50:56:8a:12:01', pciSlotNumber: 192 },
    { model: 'vmxnet3', macAddress: '00:50:56:8a:12:02', pciSlotNumber: 224 },
  ],
  packages: [],
  files: {
    '/etc/fstab': '/dev/nvme0n1p1 / ext4 errors=remount-ro 0 1\n/dev/nvme0n1p2 none swap sw 0 0\n',
    '/etc/default/grub': `${consoleSettings}GRUB_DISABLE_LINUX_UUID=true\nGRUB_CMDLINE_LINUX="root=/dev/nvme0n1p1"\n`,
    ...networkd('ens192', 'ens224'),
  },
  prepare: 'systemctl enable systemd-networkd.service',
  ext4Root: true,
  layout: ROOT_AND_SWAP,
  install: biosGrubWithRoot('/dev/nvme0n1p1'),
};
