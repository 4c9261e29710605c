import type { GuestRecipe } from '../recipe.ts';
import { BIOS_GRUB, byUuid, consoleSettings, ifupdown, inAppliance, moveBoot } from './settings.ts';

const PASSPHRASE = 'hyper2kvm';

export const luksCrypttab: GuestRecipe = {
  name: 'luks-crypttab',
  summary:
    'root on LUKS 2; crypttab names /dev/sda3, in the initramfs as well; the passphrase is asked for; separate /boot',
  controller: 'pvscsi',
  disks: [{ sizeMiB: 2304, scsiUnit: 0, uuid: '6000C294-4be1-4a77-8d02-61f3a9c20d01' }],
  networkAdapters: [
    { model: 'vmxnet3', macAddress: '00:50:56:8a:0c:01', pciSlotNumber: 192 },
    { model: 'vmxnet3', macAddress: '00:50:56:8a:0c:02', pciSlotNumber: 224 },
  ],
  passphrase: PASSPHRASE,
  packages: ['cryptsetup-initramfs'],
  files: {
    '/etc/fstab': '/dev/mapper/sda3_crypt / ext4 errors=remount-ro 0 1\n',
    '/etc/default/grub': consoleSettings,
    '/etc/network/interfaces': ifupdown('ens192', 'ens224'),
  },
  // Here the guest's disk does not exist, so the hook takes the device name literally. It does so only for an entry
  // with the `initramfs` option, which Debian's installer does not write.
  prepare: `
    echo 'sda3_crypt /dev/sda3 none luks,initramfs' >/etc/crypttab
    update-initramfs -u -k all
    echo 'sda3_crypt /dev/sda3 none luks,discard' >/etc/crypttab`,
  ext4Root: {
    partitions: [
      'label: dos',
      'start=1MiB, size=256MiB, type=83, bootable',
      'start=257MiB, size=96MiB, type=82',
      'start=353MiB, type=83',
    ],
    startMiB: 353,
    sizeMiB: 1920,
    luks: { uuid: '0f6d1c5e-2b7a-4f39-8e14-94c3d5a6b704', passphrase: PASSPHRASE },
  },
  layout: `
    mkfs ext4 /dev/sda1
    mkswap /dev/sda2
    ${inAppliance(`printf %s ${PASSPHRASE} | cryptsetup open --key-file - $(scsi 0)3 sda3_crypt`)}
    mount /dev/mapper/sda3_crypt /
    ${moveBoot('/dev/sda1')}`,
  install: `${byUuid(1, '/boot', 'ext4')}; ${byUuid(2, 'none', 'swap', 'sw')}; ${BIOS_GRUB}`,
};
