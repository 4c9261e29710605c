import type { GuestRecipe } from '../recipe.ts';
import { ROOT_AND_SWAP, biosGrubWithRoot, consoleSettings, ifupdown } from './settings.ts';

// VMware's address of the first paravirtual SCSI controller, on the third bus.
const DISK = '/dev/disk/by-path/pci-0000:03:00.0-scsi-0:0:0:0';

export const biosBypath: GuestRecipe = {
  name: 'bios-bypath',
  summary: 'fstab and root= name the disk by its PCI path; ifupdown configures ens192; open-vm-tools',
  controller: 'pvscsi',
  disks: [{ sizeMiB: 2048, scsiUnit: 0 }],
  networkAdapters: [{ model: 'vmxnet3', macAddress: '00:50:56:8a:01:01', pciSlotNumber: 192 }],
  packages: ['open-vm-tools'],
  files: {
    '/etc/fstab': `${DISK}-part1 / ext4 errors=remount-ro 0 1\n${DISK}-part2 none swap sw 0 0\n`,
    '/etc/default/grub': `${consoleSettings}GRUB_DISABLE_LINUX_UUID=true\nGRUB_CMDLINE_LINUX="root=${DISK}-part1"\n`,
    '/etc/network/interfaces': ifupdown('ens192'),
  },
  ext4Root: true,
  layout: ROOT_AND_SWAP,
  install: biosGrubWithRoot('/dev/sda1'),
};
