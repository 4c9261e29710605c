import type { GuestRecipe } from '../recipe.ts';
import { NO_GRUB, ROOT_BEHIND_ESP, byUuid, networkd } from './settings.ts';

const SELINUX = 'SELINUX=enforcing\nSELINUXTYPE=default\n';

/** Labels all files, as far as their types are known; the rest of a tree that is not on its disk yet gets its labels in `install`. */
const LABEL = 'setfiles -F -m /etc/selinux/default/contexts/files/file_contexts';

export const dracutBlsSelinux: GuestRecipe = {
  name: 'dracut-bls-selinux',
  summary:
    'SELinux enforcing; dracut without virtio; BLS entries of kernel-install, started by systemd-boot; networkd by name',
  firmware: 'uefi',
  controller: 'ahci',
  disks: [{ sizeMiB: 2304, scsiUnit: 0 }],
  networkCards: [
    { model: 'vmxnet3', macAddress: '00:50:56:8a:17:01', pciSlotNumber: 192 },
    { model: 'vmxnet3', macAddress: '00:50:56:8a:17:02', pciSlotNumber: 224 },
  ],
  packages: ['dracut', 'policycoreutils', 'selinux-policy-default', 'systemd-boot'],
  files: {
    '/etc/dracut.conf.d/hostonly.conf': 'hostonly="yes"\n',
    '/etc/selinux/config': SELINUX,
    ...networkd('ens192', 'ens224'),
  },
  // What hostonly picks on VMware's hardware, named by hand because dracut looks at the host that it runs on.
  prepare: `
    ${NO_GRUB}
    systemctl enable systemd-networkd.service
    kernel=$(ls /lib/modules)
    dracut --force --no-hostonly --omit qemu --filesystems ext4 --drivers 'ahci sd_mod ext4' "/boot/initrd.img-$kernel" "$kernel"
    ${LABEL} -e /proc -e /dev /`,
  ext4Root: ROOT_BEHIND_ESP.place,
  layout: ROOT_BEHIND_ESP.layout,
  install: `: >/etc/fstab; ${byUuid(2, '/', 'ext4')}; ${byUuid(1, '/boot/efi', 'vfat', 'umask=0077')};
    echo "root=UUID=$(blkid -s UUID -o value "$disk"2) ro security=selinux console=tty0 console=ttyS0 rd.retry=30" >/etc/kernel/cmdline;
    bootctl install --no-variables --make-machine-id-directory=yes;
    for kernel in $(ls /lib/modules); do kernel-install add "$kernel" "/boot/vmlinuz-$kernel" "/boot/initrd.img-$kernel"; done;
    ${LABEL} /etc /boot /var /lib/modules`,
};
