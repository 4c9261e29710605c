import type { GuestRecipe } from '../recipe.ts';
import { BIOS_GRUB, byUuid, consoleSettings, ifupdown, inAppliance, moveBoot } from './settings.ts';

const KEY = 'the key in the initramfs';

export const lvmOnLuks: GuestRecipe = {
  name: 'lvm-on-luks',
  summary: 'root in LVM on LUKS 2, opened by a key file in the initramfs; crypttab names /dev/sda2; ifupdown',
  controller: 'pvscsi',
  disks: [{ sizeMiB: 2304, scsiUnit: 0, uuid: '6000C29d-2ab8-4f53-8c16-e07d94f21501' }],
  networkCards: [
    { model: 'vmxnet3', macAddress: '00:50:56:8a:15:01', pciSlotNumber: 192 },
    { model: 'vmxnet3', macAddress: '00:50:56:8a:15:02', pciSlotNumber: 224 },
  ],
  passphrase: KEY,
  packages: ['cryptsetup-initramfs', 'lvm2'],
  files: {
    '/etc/fstab': '/dev/mapper/system-root / ext4 errors=remount-ro 0 1\n',
    '/etc/cryptsetup-initramfs/conf-hook': 'KEYFILE_PATTERN=/etc/keys/*.key\n',
    '/etc/default/grub': consoleSettings,
    '/etc/initramfs-tools/conf.d/umask': 'UMASK=0077\n',
    '/etc/keys/system.key': KEY,
    '/etc/network/interfaces': ifupdown('ens192', 'ens224'),
  },
  // As in `luks-crypttab`.
  prepare: `
    chmod 600 /etc/keys/system.key
    echo 'sda2_crypt /dev/sda2 /etc/keys/system.key luks,initramfs' >/etc/crypttab
    update-initramfs -u -k all
    echo 'sda2_crypt /dev/sda2 /etc/keys/system.key luks,discard' >/etc/crypttab`,
  ext4Root: {
    partitions: ['label: dos', 'start=1MiB, size=256MiB, type=83, bootable', 'start=257MiB, type=83'],
    startMiB: 257,
    offsetMiB: 1,
    sizeMiB: 1920,
    luks: { uuid: 'b84e02d7-63f1-4c0a-a5d9-70c1e8f29515', passphrase: KEY },
  },
  layout: `
    mkfs ext4 /dev/sda1
    ${inAppliance(`printf %s '${KEY}' | cryptsetup open --key-file - $(scsi 0)2 sda2_crypt`)}
    pvcreate /dev/mapper/sda2_crypt
    vgcreate system /dev/mapper/sda2_crypt
    ${inAppliance('lvcreate -y -Zn -Wn -n root -L 1920M system')}
    mount /dev/system/root /
    ${moveBoot('/dev/sda1')}`,
  install: `${byUuid(1, '/boot', 'ext4')}; ${BIOS_GRUB}`,
};
