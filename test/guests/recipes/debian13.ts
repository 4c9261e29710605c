import type { GuestRecipe } from '../recipe.ts';
import { ROOT_AND_SWAP, biosGrubWithRoot, consoleSettings, networkd } from './settings.ts';

export const debian13: GuestRecipe = {
  name: 'debian13',
  summary: 'Debian 13; /dev/sda in fstab and root=; networkd by name',
  suite: 'trixie',
  controller: 'pvscsi',
  disks: [{ sizeMiB: 2304, scsiUnit: 0, uuid: '6000C29e-b350-4d7c-9a42-1c6f08e51601' }],
  networkCards: [
    { model: 'vmxnet3', macAddress: '00:50:56:8a:16:01', pciSlotNumber: 192 },
    { model: 'vmxnet3', macAddress: '00:50:56:8a:16:02', pciSlotNumber: 224 },
  ],
  packages: [],
  files: {
    '/etc/fstab': '/dev/sda1 / ext4 errors=remount-ro 0 1\n/dev/sda2 none swap sw 0 0\n',
    '/etc/default/grub': `${consoleSettings}GRUB_DISABLE_LINUX_UUID=true\nGRUB_CMDLINE_LINUX="root=/dev/sda1"\n`,
    ...networkd('ens192', 'ens224'),
  },
  prepare: 'systemctl enable systemd-networkd.service',
  ext4Root: true,
  layout: ROOT_AND_SWAP,
  install: biosGrubWithRoot('/dev/sda1'),
};
