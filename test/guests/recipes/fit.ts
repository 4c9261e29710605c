import type { GuestRecipe } from '../recipe.ts';
import { BIOS_GRUB, ROOT_AND_SWAP, byUuid, consoleSettings } from './settings.ts';

export const fit: GuestRecipe = {
  name: 'fit',
  summary: 'needs nothing: UUIDs, MODULES=most, systemd-networkd configures every card whatever its name',
  controller: 'pvscsi',
  disks: [{ sizeMiB: 2048, scsiUnit: 0 }],
  networkAdapters: [{ model: 'vmxnet3', macAddress: '00:50:56:8a:08:01', pciSlotNumber: 192 }],
  packages: [],
  files: {
    '/etc/default/grub': consoleSettings,
    '/etc/systemd/network/10-lan.network': '[Match]\nType=ether\n\n[Network]\nDHCP=yes\n',
  },
  prepare: 'systemctl enable systemd-networkd.service',
  ext4Root: true,
  layout: ROOT_AND_SWAP,
  install: `: >/etc/fstab; ${byUuid(1, '/', 'ext4')}; ${byUuid(2, 'none', 'swap', 'sw')};
    ${BIOS_GRUB}`,
};
