import type { GuestRecipe } from '../recipe.ts';
import { ESP_AND_REST, UEFI_GRUB, byUuid, consoleSettings } from './settings.ts';

export const uefiXfs: GuestRecipe = {
  name: 'uefi-xfs',
  summary: 'XFS root; dracut hostonly without virtio; systemd-networkd configures ens192; open-vm-tools',
  firmware: 'uefi',
  controller: 'ahci',
  disks: [{ sizeMiB: 2048, scsiUnit: 0 }],
  networkAdapters: [{ model: 'vmxnet3', macAddress: '00:50:56:8a:03:01', pciSlotNumber: 192 }],
  packages: ['dracut', 'grub-efi-amd64-bin', 'open-vm-tools', 'xfsprogs'],
  files: {
    // By default, dracut waits three minutes for a missing root before it gives up. Half a minute is enough for the
    // test.
    '/etc/default/grub': `${consoleSettings}GRUB_CMDLINE_LINUX="rd.retry=30"\n`,
    '/etc/systemd/network/10-lan.network': '[Match]\nName=ens192\n\n[Network]\nDHCP=yes\n',
    '/etc/dracut.conf.d/hostonly.conf': 'hostonly="yes"\n',
  },
  // The drivers that dracut's hostonly mode selects on VMware's hardware. They are listed explicitly, because dracut
  // inspects the host on which it runs.
  prepare: `
    for kernel in $(ls /lib/modules); do
      dracut --force --no-hostonly --omit qemu --filesystems xfs --drivers 'ahci sd_mod xfs' "/boot/initrd.img-$kernel" "$kernel"
    done
    systemctl enable systemd-networkd.service`,
  layout: `${ESP_AND_REST}
    mkfs xfs /dev/sda2
    mount /dev/sda2 /
    mkdir-p /boot/efi
    mount /dev/sda1 /boot/efi`,
  install: `: >/etc/fstab; ${byUuid(2, '/', 'xfs')}; ${byUuid(1, '/boot/efi', 'vfat', 'umask=0077')};
    ${UEFI_GRUB}`,
};
