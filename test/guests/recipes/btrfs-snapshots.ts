import type { GuestRecipe } from '../recipe.ts';
import { ESP_AND_REST, UEFI_GRUB, byUuid, consoleSettings, networkd, vmwareInitramfs } from './settings.ts';

const SUBVOLUMES = ['home', 'opt', 'srv', 'var'] as const;
/** Where snapper keeps the read-write snapshot that a rolled back system runs from. */
const DEFAULT = '@/.snapshots/1/snapshot';

export const btrfsSnapshots: GuestRecipe = {
  name: 'btrfs-snapshots',
  summary:
    'btrfs as on SUSE: subvolumes in @, the root is the default subvolume, a snapshot; MODULES=dep: no virtio; networkd by name',
  firmware: 'uefi',
  controller: 'ahci',
  disks: [{ sizeMiB: 2048, scsiUnit: 0 }],
  networkCards: [
    { model: 'vmxnet3', macAddress: '00:50:56:8a:10:01', pciSlotNumber: 192 },
    { model: 'vmxnet3', macAddress: '00:50:56:8a:10:02', pciSlotNumber: 224 },
  ],
  packages: ['btrfs-progs', 'grub-efi-amd64-bin'],
  files: { '/etc/default/grub': consoleSettings, ...networkd('ens192', 'ens224') },
  prepare: `
    systemctl enable systemd-networkd.service
    ${vmwareInitramfs('all', 'ahci sd_mod btrfs')}`,
  layout: `${ESP_AND_REST}
    mkfs btrfs /dev/sda2
    mount /dev/sda2 /
    btrfs-subvolume-create /@
    ${SUBVOLUMES.map((name) => `btrfs-subvolume-create /@/${name}`).join('\n    ')}
    btrfs-subvolume-create /@/.snapshots
    mkdir /@/.snapshots/1
    btrfs-subvolume-create /${DEFAULT}
    debug sh "btrfs subvolume set-default /sysroot/${DEFAULT}"
    umount-all
    mount /dev/sda2 /
    mkdir /.snapshots
    mount-options subvol=@/.snapshots /dev/sda2 /.snapshots
    ${SUBVOLUMES.map((name) => `mkdir /${name}\n    mount-options subvol=@/${name} /dev/sda2 /${name}`).join('\n    ')}
    mkdir-p /boot/efi
    mount /dev/sda1 /boot/efi`,
  install: `: >/etc/fstab; ${byUuid(2, '/', 'btrfs')};
    ${byUuid(2, '/.snapshots', 'btrfs', 'subvol=/@/.snapshots')};
    ${SUBVOLUMES.map((name) => byUuid(2, `/${name}`, 'btrfs', `subvol=/@/${name}`)).join(';\n    ')};
    ${byUuid(1, '/boot/efi', 'vfat', 'umask=0077')};
    ${UEFI_GRUB};
    mkdir /.snapshots/2; btrfs subvolume snapshot -r / /.snapshots/2/snapshot`,
};
