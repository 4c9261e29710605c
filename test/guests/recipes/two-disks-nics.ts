import type { GuestRecipe } from '../recipe.ts';
import { ROOT_AND_SWAP, biosGrubWithRoot, consoleSettings, ifupdown } from './settings.ts';

export const twoDisksNics: GuestRecipe = {
  name: 'two-disks-nics',
  summary:
    'the system is on /dev/sdb, data on /dev/sda without a partition table; the first card is ens224, the second ens192',
  controller: 'pvscsi',
  disks: [
    { sizeMiB: 2048, scsiUnit: 1 },
    { sizeMiB: 64, scsiUnit: 0 },
  ],
  networkAdapters: [
    { model: 'vmxnet3', macAddress: '00:50:56:8a:07:01', pciSlotNumber: 224 },
    { model: 'e1000e', macAddress: '00:50:56:8a:07:02', pciSlotNumber: 192 },
  ],
  packages: [],
  files: {
    '/etc/fstab':
      '/dev/sdb1 / ext4 errors=remount-ro 0 1\n/dev/sda /srv ext4 defaults 0 2\n/dev/sdb2 none swap sw 0 0\n',
    '/etc/default/grub': `${consoleSettings}GRUB_DISABLE_LINUX_UUID=true\nGRUB_CMDLINE_LINUX="root=/dev/sdb1"\n`,
    '/etc/network/interfaces': ifupdown('ens192', 'ens224'),
  },
  ext4Root: true,
  layout: `${ROOT_AND_SWAP}
    mkfs ext4 /dev/sdb
    mkdir-p /srv
    mount /dev/sdb /srv
    write /srv/data "of the second disk"`,
  install: biosGrubWithRoot('/dev/sdb1'),
};
