import type { GuestRecipe } from '../recipe.ts';
import { BIOS_GRUB, ROOT_AND_SWAP, byUuid, consoleSettings, ifupdown } from './settings.ts';

// As on VMware, the second NIC is on the fifth bus of the VM.
const RULES = `# PCI device 0x15ad:0x07b0 (vmxnet3)
SUBSYSTEM=="net", ACTION=="add", DRIVERS=="?*", ATTR{address}=="00:50:56:8a:11:01", ATTR{type}=="1", NAME="lan0"

# PCI device 0x15ad:0x07b0 (vmxnet3)
SUBSYSTEM=="net", ACTION=="add", KERNELS=="0000:05:00.0", DRIVERS=="vmxnet3", NAME="dmz0"
`;

export const persistentNet: GuestRecipe = {
  name: 'persistent-net',
  summary: 'persistent-net rules name one NIC by its MAC address and one by its PCI address and driver; ifupdown',
  controller: 'pvscsi',
  disks: [{ sizeMiB: 2048, scsiUnit: 0, uuid: '6000C299-1c75-4e0f-8a9b-d2c6f4b31101' }],
  networkAdapters: [
    { model: 'vmxnet3', macAddress: '00:50:56:8a:11:01', pciSlotNumber: 192, name: 'lan0' },
    { model: 'vmxnet3', macAddress: '00:50:56:8a:11:02', pciSlotNumber: 224, name: 'dmz0' },
  ],
  packages: [],
  files: {
    '/etc/default/grub': consoleSettings,
    '/etc/network/interfaces': ifupdown('lan0', 'dmz0'),
    '/etc/udev/rules.d/70-persistent-net.rules': RULES,
  },
  // The initramfs contains the rules too.
  prepare: 'update-initramfs -u -k all',
  ext4Root: true,
  layout: ROOT_AND_SWAP,
  install: `: >/etc/fstab; ${byUuid(1, '/', 'ext4')}; ${byUuid(2, 'none', 'swap', 'sw')}; ${BIOS_GRUB}`,
};
