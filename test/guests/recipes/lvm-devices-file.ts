import { diskDigits, type GuestRecipe } from '../recipe.ts';
import { BIOS_GRUB, ROOT_AND_SWAP, byUuid, consoleSettings, networkd } from './settings.ts';

const DATA = '6000C293-82d5-4c1f-a15d-3e2f90c80b02';

export const lvmDevicesFile: GuestRecipe = {
  name: 'lvm-devices-file',
  summary: 'data VG pinned by SCSI id in LVM’s devices file; dracut without virtio; networkd by name',
  controller: 'pvscsi',
  disks: [
    { sizeMiB: 2048, scsiUnit: 0, uuid: '6000C293-71c4-4b0e-915d-3e2f90c80b01' },
    { sizeMiB: 128, scsiUnit: 1, uuid: DATA },
  ],
  networkAdapters: [
    { model: 'vmxnet3', macAddress: '00:50:56:8a:0b:01', pciSlotNumber: 192 },
    { model: 'vmxnet3', macAddress: '00:50:56:8a:0b:02', pciSlotNumber: 224 },
  ],
  packages: ['dracut', 'lvm2'],
  files: {
    // By default, dracut waits three minutes for a missing root before it gives up. Half a minute is enough for the
    // test.
    '/etc/default/grub': `${consoleSettings}GRUB_CMDLINE_LINUX="rd.retry=30"\n`,
    ...networkd('ens192', 'ens224'),
    '/etc/dracut.conf.d/hostonly.conf': 'hostonly="yes"\n',
    '/etc/lvm/lvm.conf': 'devices {\n  use_devicesfile = 1\n}\n',
  },
  // The drivers that dracut's hostonly mode selects on VMware's hardware. They are listed explicitly, because dracut
  // inspects the host on which it runs.
  prepare: `
    for kernel in $(ls /lib/modules); do
      dracut --force --no-hostonly --omit qemu --filesystems ext4 --drivers 'vmw_pvscsi sd_mod ext4' "/boot/initrd.img-$kernel" "$kernel"
    done
    systemctl enable systemd-networkd.service`,
  ext4Root: true,
  layout: `${ROOT_AND_SWAP}
    pvcreate /dev/sdb
    vgcreate data /dev/sdb
    lvcreate-free srv data 100
    mkfs ext4 /dev/data/srv
    mkdir-p /srv
    mount /dev/data/srv /srv
    write /srv/data "of the data VG"`,
  install: `: >/etc/fstab; ${byUuid(1, '/', 'ext4')}; ${byUuid(2, 'none', 'swap', 'sw')};
    echo '/dev/mapper/data-srv /srv ext4 defaults 0 2' >>/etc/fstab;
    mkdir -p /etc/lvm/devices;
    pvid=$(pvs --noheadings --config devices/use_devicesfile=0 -o pv_uuid | tr -d ' -');
    printf 'VERSION=1.1.1\\nIDTYPE=sys_wwid IDNAME=naa.%s DEVNAME=/dev/sdb PVID=%s\\n' ${diskDigits(DATA).slice(0, 16)} "$pvid" >/etc/lvm/devices/system.devices;
    ${BIOS_GRUB}`,
};
