import type { GuestRecipe } from '../recipe.ts';
import { ROOT_BEHIND_ESP, UEFI_GRUB, byUuid, consoleSettings, networkd, vmwareInitramfs } from './settings.ts';

export const signedSecureBoot: GuestRecipe = {
  name: 'signed-secure-boot',
  summary:
    'Debian’s signed shim and GRUB with secure boot; MODULES=dep: the initramfs has ahci, no virtio; networkd by name',
  firmware: 'uefi-secure-boot',
  controller: 'ahci',
  disks: [{ sizeMiB: 2304, scsiUnit: 0 }],
  networkCards: [
    { model: 'vmxnet3', macAddress: '00:50:56:8a:13:01', pciSlotNumber: 192 },
    { model: 'vmxnet3', macAddress: '00:50:56:8a:13:02', pciSlotNumber: 224 },
  ],
  packages: ['grub-efi-amd64-signed', 'mokutil', 'shim-signed'],
  files: { '/etc/default/grub': consoleSettings, ...networkd('ens192', 'ens224') },
  prepare: `
    systemctl enable systemd-networkd.service
    ${vmwareInitramfs('all', 'ahci sd_mod ext4')}`,
  ext4Root: ROOT_BEHIND_ESP.place,
  layout: ROOT_BEHIND_ESP.layout,
  install: `: >/etc/fstab; ${byUuid(2, '/', 'ext4')}; ${byUuid(1, '/boot/efi', 'vfat', 'umask=0077')};
    ${UEFI_GRUB}`,
};
