import type { GuestRecipe } from '../recipe.ts';
import { BIOS_GRUB, ROOT_IN_LVM, consoleSettings, ifupdown, inAppliance } from './settings.ts';

const ARRAY = '6b1f2d3c:8a4e5f60:71829304:a5b6c7d8';

export const lvmFiltersMd: GuestRecipe = {
  name: 'lvm-filters-md',
  summary:
    'root and data in LVM, data over md RAID 1; global_filter of lvm.conf and DEVICE of mdadm.conf accept /dev/sd* only',
  controller: 'pvscsi',
  disks: [
    { sizeMiB: 2048, scsiUnit: 0, uuid: '6000C292-0f1e-4d2c-8b3a-5948e6d70a01' },
    { sizeMiB: 128, scsiUnit: 1, uuid: '6000C292-1a2f-4e3d-9b3a-5948e6d70a02' },
    { sizeMiB: 129, scsiUnit: 2, uuid: '6000C292-2b30-4f4e-ab3a-5948e6d70a03' },
  ],
  networkAdapters: [
    { model: 'vmxnet3', macAddress: '00:50:56:8a:0a:01', pciSlotNumber: 192 },
    { model: 'vmxnet3', macAddress: '00:50:56:8a:0a:02', pciSlotNumber: 224 },
  ],
  packages: ['lvm2', 'mdadm'],
  files: {
    '/etc/fstab': '/dev/mapper/system-root / ext4 errors=remount-ro 0 1\n/dev/mapper/data-srv /srv ext4 defaults 0 2\n',
    '/etc/default/grub': consoleSettings,
    '/etc/network/interfaces': ifupdown('ens192', 'ens224'),
    '/etc/lvm/lvm.conf': 'devices {\n  global_filter = [ "a|^/dev/sd|", "a|^/dev/md|", "r|.*|" ]\n}\n',
    '/etc/mdadm/mdadm.conf': `MAILADDR root\nDEVICE /dev/sd*\nHOMEHOST <system>\nARRAY /dev/md0 metadata=1.2 UUID=${ARRAY}\n`,
  },
  prepare: 'update-initramfs -u -k all',
  ext4Root: ROOT_IN_LVM.place,
  layout: `${ROOT_IN_LVM.layout}
    ${inAppliance(
      `mdadm --create /dev/md0 --run --level=1 --raid-devices=2 --assume-clean --uuid=${ARRAY} $(scsi 1) $(scsi 2)`,
    )}
    pvcreate /dev/md0
    vgcreate data /dev/md0
    lvcreate-free srv data 100
    mkfs ext4 /dev/data/srv
    mount /dev/system/root /
    mkdir-p /srv
    mount /dev/data/srv /srv
    write /srv/data "of the mirror"`,
  install: BIOS_GRUB,
};
