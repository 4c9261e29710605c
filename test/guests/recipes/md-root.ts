import type { GuestRecipe } from '../recipe.ts';
import { consoleSettings, ifupdown, inAppliance } from './settings.ts';

const ARRAY = 'c0d1e2f3:04152637:48596a7b:8c9daebf';

export const mdRoot: GuestRecipe = {
  name: 'md-root',
  summary: 'root on md RAID 1 over /dev/sda1 and /dev/sdb1, which mdadm.conf names; GRUB on both disks; ifupdown',
  controller: 'pvscsi',
  disks: [
    { sizeMiB: 2048, scsiUnit: 0, uuid: '6000C29c-9e02-4a61-8f7d-5b31c80e1401' },
    { sizeMiB: 2049, scsiUnit: 1, uuid: '6000C29c-af13-4b72-9f7d-5b31c80e1402' },
  ],
  networkCards: [
    { model: 'vmxnet3', macAddress: '00:50:56:8a:14:01', pciSlotNumber: 192 },
    { model: 'vmxnet3', macAddress: '00:50:56:8a:14:02', pciSlotNumber: 224 },
  ],
  packages: ['mdadm'],
  files: {
    '/etc/fstab': '/dev/md0 / ext4 errors=remount-ro 0 1\n',
    '/etc/default/grub': consoleSettings,
    '/etc/mdadm/mdadm.conf': `MAILADDR root\nDEVICE /dev/sda1 /dev/sdb1\nHOMEHOST <system>\nARRAY /dev/md0 metadata=1.2 UUID=${ARRAY}\n`,
    '/etc/network/interfaces': ifupdown('ens192', 'ens224'),
  },
  prepare: 'update-initramfs -u -k all',
  ext4Root: {
    partitions: ['label: dos', 'start=1MiB, size=2040MiB, type=fd, bootable'],
    startMiB: 1,
    offsetMiB: 1,
    sizeMiB: 2038,
    isMirrored: true,
  },
  layout: `
    ${inAppliance('sfdisk -q --disk-id $(scsi 1) 0x20de1402')}
    ${inAppliance(
      `mdadm --create /dev/md0 --run --level=1 --raid-devices=2 --assume-clean --metadata=1.2 --data-offset=1M --uuid=${ARRAY} $(scsi 0)1 $(scsi 1)1`,
    )}
    mount /dev/md0 /`,
  install: `for each in $(lsblk -n -l -s -p -o NAME,TYPE "$(findmnt -n -o SOURCE /)" | grep -w disk | cut -d ' ' -f 1); do
      grub-install "$each"; done;
    update-grub`,
};
