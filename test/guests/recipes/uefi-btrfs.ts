import type { GuestRecipe } from '../recipe.ts';
import { ESP_AND_REST, UEFI_GRUB, byUuid, consoleSettings, vmwareInitramfs } from './settings.ts';

const NETWORK = `[connection]
id=lan
type=ethernet
interface-name=ens192

[ipv4]
method=auto
`;

export const uefiBtrfs: GuestRecipe = {
  name: 'uefi-btrfs',
  summary: 'btrfs subvolume root; MODULES=dep: the initramfs has ahci, no virtio; NetworkManager configures ens192',
  firmware: 'uefi',
  controller: 'ahci',
  disks: [{ sizeMiB: 2048, scsiUnit: 0 }],
  networkAdapters: [{ model: 'vmxnet3', macAddress: '00:50:56:8a:04:01', pciSlotNumber: 192 }],
  packages: ['btrfs-progs', 'grub-efi-amd64-bin', 'network-manager'],
  files: {
    '/etc/default/grub': consoleSettings,
    '/etc/NetworkManager/system-connections/lan.nmconnection': NETWORK,
    // The setting of Red Hat family servers: a NIC without a configuration is not configured automatically.
    '/etc/NetworkManager/conf.d/server.conf': '[main]\nno-auto-default=*\n',
  },
  prepare: vmwareInitramfs('all', 'ahci sd_mod btrfs'),
  layout: `${ESP_AND_REST}
    mkfs btrfs /dev/sda2
    mount /dev/sda2 /
    btrfs-subvolume-create /@rootfs
    umount-all
    mount-options subvol=@rootfs /dev/sda2 /
    mkdir-p /boot/efi
    mount /dev/sda1 /boot/efi`,
  install: `: >/etc/fstab; ${byUuid(2, '/', 'btrfs', 'defaults,subvol=@rootfs')};
    ${byUuid(1, '/boot/efi', 'vfat', 'umask=0077')};
    ${UEFI_GRUB}`,
};
