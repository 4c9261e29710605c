import type { GuestRecipe } from '../recipe.ts';
import { NO_GRUB, ROOT_BEHIND_ESP, byUuid, networkd, vmwareInitramfs } from './settings.ts';

export const systemdBoot: GuestRecipe = {
  name: 'systemd-boot',
  summary:
    'systemd-boot with Debian’s hooks, no /etc/kernel/cmdline; MODULES=dep: the initramfs has ahci, no virtio; networkd by name',
  firmware: 'uefi',
  controller: 'ahci',
  disks: [{ sizeMiB: 2304, scsiUnit: 0 }],
  networkAdapters: [
    { model: 'vmxnet3', macAddress: '00:50:56:8a:0e:01', pciSlotNumber: 192 },
    { model: 'vmxnet3', macAddress: '00:50:56:8a:0e:02', pciSlotNumber: 224 },
  ],
  packages: ['systemd-boot'],
  files: networkd('ens192', 'ens224'),
  prepare: `
    ${NO_GRUB}
    systemctl enable systemd-networkd.service
    ${vmwareInitramfs('all', 'ahci sd_mod ext4')}`,
  ext4Root: ROOT_BEHIND_ESP.place,
  layout: ROOT_BEHIND_ESP.layout,
  // On a running guest, kernel-install reads the command line from /proc/cmdline.
  install: `: >/etc/fstab; ${byUuid(2, '/', 'ext4')}; ${byUuid(1, '/boot/efi', 'vfat', 'umask=0077')};
    echo "root=UUID=$(blkid -s UUID -o value "$disk"2) ro console=tty0 console=ttyS0" >/etc/kernel/cmdline;
    bootctl install --no-variables --make-machine-id-directory=yes;
    for kernel in $(ls /lib/modules); do kernel-install add "$kernel" "/boot/vmlinuz-$kernel" "/boot/initrd.img-$kernel"; done;
    rm /etc/kernel/cmdline`,
};
