import { expect, test } from '@jest/globals';
import { serialConsole } from '../../../../src/guest/linux/boot-loader/serial-console.ts';
import { plannedOn } from '../planned-on.ts';

const ADDED = 'console=ttyS0,115200n8 console=tty0';
const SYSTEMD = { '/usr/lib/systemd/systemd': '' };

test.each([
  ['/etc/default/grub', 'GRUB_CMDLINE_LINUX=""\n', `GRUB_CMDLINE_LINUX="${ADDED}"\n`],
  ['/etc/default/grub', "GRUB_CMDLINE_LINUX='quiet'\n", `GRUB_CMDLINE_LINUX='quiet ${ADDED}'\n`],
  [
    '/etc/default/grub',
    'GRUB_CMDLINE_LINUX_DEFAULT="quiet"\n',
    `GRUB_CMDLINE_LINUX_DEFAULT="quiet"\nGRUB_CMDLINE_LINUX="${ADDED}"\n`,
  ],
  ['/etc/sysconfig/bootloader', 'DEFAULT_APPEND="splash"\n', `DEFAULT_APPEND="splash ${ADDED}"\n`],
  ['/etc/default/extlinux', 'EXTLINUX_PARAMETERS="ro"\n', `EXTLINUX_PARAMETERS="ro ${ADDED}"\n`],
  ['/etc/kernel/cmdline', 'root=UUID=aaaa ro\n', `root=UUID=aaaa ro ${ADDED}\n`],
])('%s: later entries of the guest have it, too', async (path, before, after) => {
  const { read, changes } = await plannedOn({ ...SYSTEMD, [path]: before }, serialConsole);
  expect(await read(path)).toBe(after);
  expect(changes).toMatchObject([{ fix: 'serial-console', action: 'edit', path, backup: expect.any(String) }]);
});

test.each([
  [
    '/boot/grub/grub.cfg',
    'linux16 /memtest86+.bin\n\tlinux\t/vmlinuz root=UUID=aaaa ro quiet\n\tinitrd /initrd\n',
    `linux16 /memtest86+.bin\n\tlinux\t/vmlinuz root=UUID=aaaa ro quiet ${ADDED}\n\tinitrd /initrd\n`,
  ],
  [
    '/boot/grub2/grub.cfg',
    '  set kernelopts="root=UUID=aaaa ro "\n',
    `  set kernelopts="root=UUID=aaaa ro  ${ADDED}"\n`,
  ],
  ['/boot/grub/menu.lst', '# kopt=root=UUID=aaaa ro\n', `# kopt=root=UUID=aaaa ro ${ADDED}\n`],
  ['/boot/loader/entries/a.conf', 'options root=UUID=aaaa ro\n', `options root=UUID=aaaa ro ${ADDED}\n`],
  ['/boot/extlinux/extlinux.conf', '  append root=UUID=aaaa ro\n', `  append root=UUID=aaaa ro ${ADDED}\n`],
])('%s: each entry of a kernel has it', async (path, before, after) => {
  const { read, warnings } = await plannedOn({ ...SYSTEMD, [path]: before }, serialConsole);
  expect(await read(path)).toBe(after);
  expect(warnings).toEqual([]);
});

test('a console that is there stays the main one, and a serial one is not added twice', async () => {
  const path = '/boot/grub/grub.cfg';
  const lines = (words: string): string => `linux /vmlinuz root=UUID=aaaa ${words}\n`;
  const own = await plannedOn({ ...SYSTEMD, [path]: lines('console=tty1 quiet') }, serialConsole);
  expect(await own.read(path)).toBe(lines('console=ttyS0,115200n8 console=tty1 quiet'));
  const there = await plannedOn({ ...SYSTEMD, [path]: lines('console=tty0 console=ttyS0,9600') }, serialConsole);
  expect(there.changes).toEqual([]);
});

test('entries of RHEL 8 have it in the environment of GRUB, whose size stays the same', async () => {
  const environment = (words: string): string =>
    `# GRUB Environment Block\nkernelopts=root=UUID=aaaa ro${words}\n`.padEnd(1024, '#');
  const files = {
    ...SYSTEMD,
    '/boot/grub2/grubenv': environment(''),
    '/boot/loader/entries/a.conf': 'options $kernelopts $tuned_params\n',
  };
  const { read, warnings } = await plannedOn(files, serialConsole);
  expect(await read('/boot/grub2/grubenv')).toBe(environment(` ${ADDED}`));
  expect(await read('/boot/loader/entries/a.conf')).toBe('options $kernelopts $tuned_params\n');
  expect(warnings).toEqual([]);
  const full = `kernelopts=root=UUID=aaaa ${'x'.repeat(980)}\n`.padEnd(1024, '#');
  const tight = await plannedOn({ ...SYSTEMD, '/boot/grub2/grubenv': full }, serialConsole);
  expect(tight.changes).toEqual([]);
  expect(tight.warnings).toContainEqual(expect.stringContaining('has no room for the serial console'));
});

test('what has no serial console after all is a warning', async () => {
  const none = await plannedOn({ '/etc/dracut.conf': 'kernel_cmdline="root=UUID=aaaa"\n' }, serialConsole);
  expect(none.changes).toEqual([]);
  expect(none.warnings).toEqual([
    'There is no boot entry with a kernel command line, so there is no serial console.',
    'The guest has no systemd: the serial console shows a login prompt only if its init starts one on ttyS0.',
  ]);
  const unified = await plannedOn({ ...SYSTEMD, '/efi/EFI/Linux/arch.efi': 'MZ' }, serialConsole);
  expect(unified.warnings).toEqual([expect.stringContaining('/efi/EFI/Linux/arch.efi is part of it')]);
});
