import { expect, test } from '@jest/globals';
import type { Change } from '../../../src/guest/change.ts';
import { GuestDraft } from '../../../src/guest/change.ts';
import { readCommandLine } from '../../../src/guest/linux/boot-loader/command-line.ts';
import { reviewBootTexts } from '../../../src/guest/linux/guest-command.ts';
import type { GuestFiles } from '../../../src/guest/guest-files.ts';
import type { Guest } from '../../../src/guest/guest.ts';
import { makePe } from '../contract/boot-entries/make-pe.ts';
import { treeOfFiles, type TreeContent } from '../contract/tree-of-files.ts';

/** The kernel command line with which libguestfs 1.48 starts its appliance. */
const APPLIANCE =
  'panic=1 console=ttyS0 edd=off udevtimeout=6000 udev.event-timeout=6000 no_timer_check printk.time=1 cgroup_disable=memory usbcore.nousb cryptomgr.notests root=UUID=appliance selinux=0 quiet TERM=xterm';
const LINE = 'root=UUID=aaaa ro quiet';
const ENTRY = '/boot/efi/loader/entries/abc-6.1.0.conf';

const filesOf = (texts: TreeContent): GuestFiles => {
  // oxlint-disable-next-line no-unsafe-type-assertion -- the code only reads files
  return treeOfFiles(texts) as GuestFiles;
};

/** Reviews the files that a program left, and returns what is written and recorded. */
async function reviewed(
  before: Record<string, string>,
  after: Record<string, string>,
  line: string | undefined = LINE,
): Promise<{ written: [string, string][]; changes: Change[]; obstacles: string[] }> {
  const written: [string, string][] = [];
  const files = {
    ...treeOfFiles(after),
    write: async (path: string, text: string) => {
      written.push([path, text]);
    },
  };
  const facts: Partial<Guest> = {
    devices: [{ name: '/dev/sda1', disk: 0, partition: 1, type: 'ext4', uuid: 'aaaa' }],
    disks: [{ path: 'a', format: 'raw' }],
    diskOrder: [0],
    mounts: [{ mountable: '/dev/sda1', path: '/' }],
    kernels: [],
  };
  // oxlint-disable-next-line no-unsafe-type-assertion -- a review does not use the appliance
  const guest = { ...facts, files } as unknown as Guest;
  const draft = new GuestDraft(guest);
  const texts = { before: new Map(Object.entries(before)), after: new Map(Object.entries(after)) };
  await reviewBootTexts(guest, draft, { ...texts, line, program: 'update-initramfs' });
  return { written, changes: draft.changes(), obstacles: draft.obstacles };
}

const entry = (words: string): string => `title Debian\nlinux /abc/linux\ninitrd /abc/initrd\noptions ${words}\n`;

test('an entry that a hook wrote with the command line of the appliance is restored', async () => {
  const { written, changes } = await reviewed({ [ENTRY]: entry(LINE) }, { [ENTRY]: entry(APPLIANCE) });
  expect(written).toEqual([[ENTRY, entry(LINE)]]);
  expect(changes).toMatchObject([
    { fix: 'boot-loader', path: ENTRY, details: ['update-initramfs changed it: restored'] },
  ]);
});

test('a new entry gets the command line of the guest, and stays', async () => {
  const { written, changes } = await reviewed({}, { [ENTRY]: entry(APPLIANCE) });
  expect(written).toEqual([[ENTRY, entry(LINE)]]);
  expect(changes).toMatchObject([
    {
      action: 'create',
      path: ENTRY,
      details: ['written by update-initramfs', "the appliance's command line → the guest's"],
    },
  ]);
});

test('a device by its old name is renamed in what a hook wrote', async () => {
  const path = '/boot/extlinux/extlinux.conf';
  const text = (root: string): string => `label l0\n\tlinux /boot/vmlinuz\n\tappend root=${root} ro quiet\n`;
  const { written, changes } = await reviewed({ [path]: text('UUID=aaaa') }, { [path]: text('/dev/sda1') });
  expect(written).toEqual([[path, text('UUID=aaaa')]]);
  expect(changes).toMatchObject([{ path, details: ['update-initramfs changed it: restored'] }]);
});

test('what a hook wrote right is recorded and not touched; so is what it removed', async () => {
  const other = '/boot/loader/entries/old.conf';
  const { written, changes } = await reviewed({ [other]: entry(LINE) }, { [ENTRY]: entry(`${LINE} splash`) });
  expect(written).toEqual([]);
  expect(changes.map(({ action, path }) => `${action} ${path}`)).toEqual([`create ${ENTRY}`, `remove ${other}`]);
});

test('without the command line of the guest an old entry is restored, and a new one is an obstacle', async () => {
  const known = await reviewed({ [ENTRY]: entry(LINE) }, { [ENTRY]: entry(APPLIANCE) }, undefined);
  expect(known.written).toEqual([[ENTRY, entry(LINE)]]);
  const unknown = await reviewed({}, { '/etc/kernel/cmdline': `${APPLIANCE}\n` });
  expect(unknown.obstacles).toEqual([
    "update-initramfs wrote /etc/kernel/cmdline with the appliance's command line, and the guest's is not known.",
  ]);
});

test.each([
  ['/etc/kernel/cmdline', `${LINE}\n`],
  [ENTRY, entry(LINE)],
  ['/boot/grub/grub.cfg', `menuentry 'Debian' {\n\tlinux\t/boot/vmlinuz ${LINE}\n}\n`],
  ['/boot/grub/grub.cfg', `\tlinux /vmlinuz root=UUID=aaaa single\n\tlinux /vmlinuz ${LINE} $extra\n`],
  ['/boot/extlinux/extlinux.conf', `label l0\n\tAPPEND initrd=/initrd.img ${LINE}\n`],
])('the command line of the guest is read from %s', async (path, text) => {
  expect(await readCommandLine({ files: filesOf({ [path]: text }) })).toBe(LINE);
});

test('the command line of a guest whose only entry is a unified kernel image is in it', async () => {
  const image = makePe({ '.cmdline': `${LINE}\0`, '.linux': 'kernel', '.initrd': 'initramfs' });
  const files = filesOf({ '/boot/efi/EFI/Linux/debian-6.1.efi': image });
  expect(await readCommandLine({ files })).toBe(LINE);
});

test("the words of RHEL 8's entries are in GRUB's environment; a guest without entries has none", async () => {
  const texts = {
    '/boot/loader/entries/a.conf': 'options $kernelopts $tuned_params\n',
    '/boot/grub2/grubenv': `# GRUB Environment Block\nkernelopts=${LINE}\n###`,
  };
  expect(await readCommandLine({ files: filesOf(texts) })).toBe(LINE);
  expect(await readCommandLine({ files: filesOf({}) })).toBeUndefined();
});
