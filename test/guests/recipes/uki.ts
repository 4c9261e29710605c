import type { GuestRecipe } from '../recipe.ts';
import { NO_GRUB, ROOT_BEHIND_ESP, byUuid, networkd } from './settings.ts';

const ROOT = '5d3a9f04-7c26-4b18-9e50-1f8ad24c6b07';
const COMMAND_LINE = `root=UUID=${ROOT} ro console=tty0 console=ttyS0 rd.retry=30`;

const DRACUT = `hostonly="yes"
uefi="yes"
kernel_cmdline="${COMMAND_LINE}"
uefi_stub="/usr/lib/systemd/boot/efi/linuxx64.efi.stub"
`;

export const uki: GuestRecipe = {
  name: 'uki',
  summary:
    'a unified kernel image of dracut without virtio, its command line within; systemd-boot starts it; networkd by name',
  firmware: 'uefi',
  controller: 'ahci',
  disks: [{ sizeMiB: 2304, scsiUnit: 0 }],
  networkCards: [
    { model: 'vmxnet3', macAddress: '00:50:56:8a:0f:01', pciSlotNumber: 192 },
    { model: 'vmxnet3', macAddress: '00:50:56:8a:0f:02', pciSlotNumber: 224 },
  ],
  packages: ['binutils', 'dracut', 'systemd-boot'],
  files: { '/etc/dracut.conf.d/uki.conf': DRACUT, ...networkd('ens192', 'ens224') },
  // What hostonly picks on VMware's hardware, named by hand because dracut looks at the host that it runs on.
  prepare: `
    ${NO_GRUB}
    systemctl enable systemd-networkd.service
    mkdir /boot/efi
    rm -f /boot/initrd.img-*
    kernel=$(ls /lib/modules)
    dracut --force --no-hostonly --omit qemu --filesystems ext4 --drivers 'ahci sd_mod ext4' --uefi "/root/linux-$kernel.efi" "$kernel"`,
  ext4Root: { ...ROOT_BEHIND_ESP.place, uuid: ROOT },
  layout: ROOT_BEHIND_ESP.layout,
  install: `: >/etc/fstab; ${byUuid(2, '/', 'ext4')}; ${byUuid(1, '/boot/efi', 'vfat', 'umask=0077')};
    bootctl install --no-variables --make-machine-id-directory=no;
    mkdir -p /boot/efi/EFI/Linux; mv /root/linux-*.efi /boot/efi/EFI/Linux/`,
};
