import type { GuestRecipe } from '../recipe.ts';
import { BIOS_GRUB, ROOT_AND_SWAP, byUuid, consoleSettings, ifupdown, vmwareInitramfs } from './settings.ts';

// The newest kernel on the mirror that is not in the base.
const SECOND_KERNEL =
  '$(apt-cache pkgnames linux-image-6 | grep -E \'^linux-image-[0-9.]+-[0-9]+-amd64$\' | grep -vx "linux-image-$(ls /lib/modules)" | sort -V | tail -n 1)';

export const twoKernels: GuestRecipe = {
  name: 'two-kernels',
  summary:
    'two kernels; the initramfs of the newest, which starts by itself, has no virtio; ifupdown configures ens192',
  controller: 'pvscsi',
  disks: [{ sizeMiB: 2048, scsiUnit: 0 }],
  networkAdapters: [{ model: 'vmxnet3', macAddress: '00:50:56:8a:06:01', pciSlotNumber: 192 }],
  packages: [SECOND_KERNEL],
  files: { '/etc/default/grub': consoleSettings, '/etc/network/interfaces': ifupdown('ens192') },
  prepare: `
    test "$(ls /lib/modules | wc -l)" = 2
    ${vmwareInitramfs('"$(ls /lib/modules | sort -V | tail -n 1)"')}`,
  ext4Root: true,
  layout: ROOT_AND_SWAP,
  install: `: >/etc/fstab; ${byUuid(1, '/', 'ext4')}; ${byUuid(2, 'none', 'swap', 'sw')};
    ${BIOS_GRUB}`,
};
