import { expect, test } from '@jest/globals';
import { padGrubenv } from '../../../../src/guest/linux/boot-loader/boot-loader.ts';
import { renameInKernelWords } from '../../../../src/guest/linux/initramfs/kernel-words.ts';

const rename = (word: string, spec: string): string => (spec.startsWith('/dev/') ? `<${word} ${spec}>` : spec);

test.each([
  [
    'Debian, BIOS',
    '\tlinux\t/boot/vmlinuz-6.1.0 root=/dev/sda1 ro quiet',
    '\tlinux\t/boot/vmlinuz-6.1.0 root=<root /dev/sda1> ro quiet',
  ],
  [
    'a name by path keeps its colons',
    'linux /vmlinuz root=/dev/disk/by-path/pci-0000:03:00.0-scsi-0:0:0:0-part1 ro',
    'linux /vmlinuz root=<root /dev/disk/by-path/pci-0000:03:00.0-scsi-0:0:0:0-part1> ro',
  ],
  [
    'settings of GRUB',
    'GRUB_CMDLINE_LINUX="root=/dev/sda1 resume=/dev/sda5"',
    'GRUB_CMDLINE_LINUX="root=<root /dev/sda1> resume=<resume /dev/sda5>"',
  ],
  [
    'single quotes',
    "GRUB_CMDLINE_LINUX='quiet resume=/dev/sda5'",
    "GRUB_CMDLINE_LINUX='quiet resume=<resume /dev/sda5>'",
  ],
  ['GRUB_DEVICE', 'GRUB_DEVICE="/dev/sda2"', 'GRUB_DEVICE="<GRUB_DEVICE /dev/sda2>"'],
  [
    'Red Hat 8',
    'kernelopts=root=/dev/sda2 ro resume=/dev/sda3',
    'kernelopts=root=<root /dev/sda2> ro resume=<resume /dev/sda3>',
  ],
  ['UUIDs stay', 'options root=UUID=aa-bb rd.lvm.lv=vg/root', 'options root=UUID=aa-bb rd.lvm.lv=vg/root'],
  [
    'Arch with LUKS',
    'options cryptdevice=/dev/sda2:root root=/dev/mapper/root',
    'options cryptdevice=<cryptdevice /dev/sda2>:root root=<root /dev/mapper/root>',
  ],
  [
    'LUKS with options',
    'cryptdevice=/dev/sda2:root:allow-discards',
    'cryptdevice=<cryptdevice /dev/sda2>:root:allow-discards',
  ],
  [
    'other words that end so',
    'nfsroot=/dev/sda1 rootflags=subvol=@ noresume=/dev/x',
    'nfsroot=/dev/sda1 rootflags=subvol=@ noresume=/dev/x',
  ],
])('%s', (_name, before, after) => {
  expect(renameInKernelWords(before, rename)).toBe(after);
});

test('the environment block of GRUB keeps its length while it can', () => {
  const block = '# GRUB Environment Block\nkernelopts=root=/dev/sda2 ro\n'.padEnd(1024, '#');
  const longer = block.replace('/dev/sda2', 'UUID=e5e94caa-7591-422a-b566-c75a1e55c140');
  const padded = padGrubenv(longer, 1024);
  expect(padded).toHaveLength(1024);
  expect(padded).toMatch(
    /^# GRUB Environment Block\nkernelopts=root=UUID=e5e94caa-7591-422a-b566-c75a1e55c140 ro\n#+$/,
  );
});
