import type { GuestRecipe } from '../recipe.ts';
import { BIOS_GRUB, byUuid, consoleSettings, ifupdown, vmwareInitramfs } from './settings.ts';

export const biosLvm: GuestRecipe = {
  name: 'bios-lvm',
  summary:
    'LVM root, separate /boot; MODULES=dep: the initramfs has vmw_pvscsi and mptspi, no virtio; ifupdown configures ens192',
  controller: 'pvscsi',
  disks: [{ sizeMiB: 2048, scsiUnit: 0 }],
  networkAdapters: [{ model: 'e1000e', macAddress: '00:50:56:8a:02:01', pciSlotNumber: 192 }],
  packages: ['lvm2'],
  files: {
    '/etc/fstab': '/dev/mapper/system-root / ext4 errors=remount-ro 0 1\n',
    '/etc/default/grub': consoleSettings,
    '/etc/network/interfaces': ifupdown('ens192'),
  },
  prepare: vmwareInitramfs('all'),
  layout: `
    part-init /dev/sda mbr
    part-add /dev/sda p 2048 526335
    part-add /dev/sda p 526336 -2048
    part-set-bootable /dev/sda 1 true
    part-set-mbr-id /dev/sda 2 0x8e
    mkfs ext4 /dev/sda1
    pvcreate /dev/sda2
    vgcreate system /dev/sda2
    lvcreate-free root system 90
    mkfs ext4 /dev/system/root
    mount /dev/system/root /
    mkdir /boot
    mount /dev/sda1 /boot`,
  install: `${byUuid(1, '/boot', 'ext4')}; ${BIOS_GRUB}`,
};
