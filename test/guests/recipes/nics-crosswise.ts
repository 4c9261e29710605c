import type { GuestRecipe } from '../recipe.ts';
import { NO_GRUB, ROOT_AND_SWAP, byUuid } from './settings.ts';

const INTERFACES = `auto lo
iface lo inet loopback

auto eth0
iface eth0 inet static
  address 10.0.3.10/24

auto eth1
iface eth1 inet static
  address 10.0.2.10/24
  gateway 10.0.2.2
`;

const EXTLINUX = `DEFAULT linux
TIMEOUT 10

LABEL linux
  LINUX /vmlinuz
  INITRD /initrd.img
  APPEND root=UUID=$(blkid -s UUID -o value "$disk"1) ro net.ifnames=0 console=tty0 console=ttyS0
`;

// The guest-report service starts only with systemd, so init starts the report here.
const INITTAB = `T0:23:respawn:/sbin/getty -L ttyS0 9600 vt100
gr:2345:once:/usr/local/sbin/guest-report
`;

export const nicsCrosswise: GuestRecipe = {
  name: 'nics-crosswise',
  summary:
    'sysvinit, extlinux, net.ifnames=0: the first NIC has the higher slot and is eth1; static addresses on two networks',
  controller: 'pvscsi',
  disks: [{ sizeMiB: 2048, scsiUnit: 0, uuid: '6000C291-5a0e-4c1d-93b7-0c52e1d70901' }],
  networkAdapters: [
    { model: 'vmxnet3', macAddress: '00:50:56:8a:09:01', pciSlotNumber: 224, name: 'eth1' },
    { model: 'vmxnet3', macAddress: '00:50:56:8a:09:02', pciSlotNumber: 192, name: 'eth0' },
  ],
  packages: ['extlinux', 'sysvinit-core'],
  files: { '/etc/network/interfaces': INTERFACES },
  prepare: `
    ${NO_GRUB}
    cat >>/etc/inittab <<'END'
${INITTAB}END`,
  ext4Root: true,
  layout: ROOT_AND_SWAP,
  install: `: >/etc/fstab; ${byUuid(1, '/', 'ext4')}; ${byUuid(2, 'none', 'swap', 'sw')};
    mkdir -p /boot/extlinux; extlinux --install /boot/extlinux;
    dd if=/usr/lib/EXTLINUX/mbr.bin of="$disk" conv=notrunc;
    cat >/boot/extlinux/extlinux.conf <<END
${EXTLINUX}END
`,
};
