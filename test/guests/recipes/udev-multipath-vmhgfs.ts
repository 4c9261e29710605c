import { diskDigits, type GuestRecipe } from '../recipe.ts';
import { BIOS_GRUB, ROOT_AND_SWAP, byUuid, consoleSettings } from './settings.ts';

const RULE_DISK = '6000C295-a4e7-4d20-a1f7-20b4e6580e02';
const MULTIPATH_DISK = '6000C295-b5f8-4e31-b1f7-20b4e6580e03';

/** Returns the output of `scsi_id` for a disk. */
function scsiId(uuid: string): string {
  return `3${diskDigits(uuid).slice(0, 16)}`;
}

const UDEV_RULE = `SUBSYSTEM=="block", KERNEL=="sd*", ENV{DEVTYPE}=="disk", PROGRAM=="/lib/udev/scsi_id -g -u -d $devnode", RESULT=="${scsiId(RULE_DISK)}", SYMLINK+="oracle/data01", OWNER="root", GROUP="disk", MODE="0660"
`;

const MULTIPATH = `defaults {
  find_multipaths no
  user_friendly_names yes
}
blacklist {
  wwid ".*"
}
blacklist_exceptions {
  wwid "${scsiId(MULTIPATH_DISK)}"
}
multipaths {
  multipath {
    wwid "${scsiId(MULTIPATH_DISK)}"
    alias backup
  }
}
`;

// VMware offers shared folders only to a VM that has VMware's devices. Without them this mount fails, like that of
// open-vm-tools.
const MOUNT_VMHGFS = `#!/bin/sh
# mount.vmhgfs SOURCE TARGET [-o OPTIONS]
grep -q 0x15ad /sys/bus/pci/devices/*/vendor || { echo 'Error: cannot mount filesystem: Protocol error' >&2; exit 1; }
exec mount -t tmpfs vmhgfs "$2"
`;

function network(driver: string): string {
  return `[Match]\nDriver=${driver}\n\n[Network]\nDHCP=yes\n`;
}

export const udevMultipathVmhgfs: GuestRecipe = {
  name: 'udev-multipath-vmhgfs',
  summary:
    'vmhgfs in fstab; a udev rule and multipath name data disks by SCSI id; networkd matches the drivers of VMware’s NICs',
  controller: 'pvscsi',
  disks: [
    { sizeMiB: 2048, scsiUnit: 0, uuid: '6000C295-83d6-4c19-91f7-20b4e6580e01' },
    { sizeMiB: 64, scsiUnit: 1, uuid: RULE_DISK },
    { sizeMiB: 65, scsiUnit: 2, uuid: MULTIPATH_DISK },
  ],
  networkAdapters: [
    { model: 'vmxnet3', macAddress: '00:50:56:8a:0d:01', pciSlotNumber: 192 },
    { model: 'e1000e', macAddress: '00:50:56:8a:0d:02', pciSlotNumber: 224 },
  ],
  packages: ['multipath-tools'],
  files: {
    '/etc/default/grub': consoleSettings,
    '/etc/multipath.conf': MULTIPATH,
    '/etc/multipath/wwids': `# Multipath wwids, Version : 1.0\n/${scsiId(MULTIPATH_DISK)}/\n`,
    '/etc/systemd/network/10-lan.network': network('vmxnet3'),
    '/etc/systemd/network/20-backup.network': network('e1000e'),
    '/etc/udev/rules.d/99-oracle.rules': UDEV_RULE,
    '/usr/sbin/mount.vmhgfs': MOUNT_VMHGFS,
  },
  prepare: 'systemctl enable systemd-networkd.service',
  ext4Root: true,
  layout: `${ROOT_AND_SWAP}
    mkfs ext4 /dev/sdb
    mkfs ext4 /dev/sdc`,
  install: `: >/etc/fstab; ${byUuid(1, '/', 'ext4')}; ${byUuid(2, 'none', 'swap', 'sw')};
    mkdir -p /srv/data01 /srv/backup /mnt/hgfs;
    echo '/dev/oracle/data01 /srv/data01 ext4 defaults 0 2' >>/etc/fstab;
    echo '/dev/mapper/backup /srv/backup ext4 defaults 0 2' >>/etc/fstab;
    echo '.host:/shared /mnt/hgfs vmhgfs defaults 0 0' >>/etc/fstab;
    ${BIOS_GRUB}`,
};
