import type { GuestTree } from '../../guest-tree.ts';
import { iniValue, readIni } from '../../inspect/ini.ts';

interface Place {
  folders: readonly string[];
  names: RegExp;
  /** The lines with a kernel command line. */
  lines: RegExp;
}

const ESPS = ['/boot/efi', '/efi', '/boot'];
const on = (folders: readonly string[], below: string): string[] => folders.map((folder) => `${folder}${below}`);

const GRUB_LINE = /^\s*(linux|linux16|linuxefi|kernel|module2?|(set )?(default_)?kernelopts)[\s=]/;
const GRUB_FILE = /^(grub\.cfg|custom\.cfg|grubenv|menu\.lst|grub\.conf)$/i;
const SYSLINUX_FILE = /^(extlinux|syslinux)\.(conf|cfg)$/i;

const GRUB: Place = { folders: ['/boot/grub', '/boot/grub2'], names: GRUB_FILE, lines: GRUB_LINE };

/**
 * The files that boot loaders read: GRUB's, Boot Loader Specification (BLS) entries, and those of extlinux and
 * syslinux.
 */
const ENTRIES: readonly Place[] = [
  GRUB,
  { folders: on(ESPS, '/loader/entries'), names: /\.conf$/, lines: /^options\s/ },
  {
    folders: [
      ...on(['/boot', ''], '/extlinux'),
      ...on(['', ...ESPS], '/syslinux'),
      ...on(ESPS, '/EFI/syslinux'),
      '/boot',
      '/',
    ],
    names: SYSLINUX_FILE,
    lines: /^\s*append\s/i,
  },
];

/**
 * The sources of such files. Without any boot loader files, as with unified kernel images, only these are available.
 */
const SOURCES: readonly Place[] = [
  {
    folders: ['/etc/default', '/etc/default/grub.d'],
    names: /^(grub|extlinux)$|\.cfg$/,
    lines: /^[^#]*CMDLINE|APPEND/,
  },
  { folders: ['/etc/kernel', '/usr/lib/kernel'], names: /^cmdline$/, lines: /^/ },
  { folders: ['/etc/cmdline.d', '/etc/kernel/cmdline.d'], names: /\.conf$/, lines: /^/ },
  { folders: ['/etc/dracut.conf.d'], names: /\.conf$/, lines: /^\s*kernel_cmdline\+?=/ },
];

/** systemd's boolean values (`parse_boolean`). */
const SWITCHED_OFF = /\bnet\.ifnames=(0|n|no|f|false|off)\b/;
/** udev rules that assign predictable names: of systemd 209 and later, and of 197 to 208. */
const NAMING_RULES = ['80-net-setup-link.rules', '80-net-name-slot.rules'];
const LINK_FOLDER = '/etc/systemd/network';

/**
 * Whether udev names the guest's NICs by their slots (`ens192`). Otherwise they keep the kernel's names `eth0`,
 * `eth1`, which are numbered in PCI address order. Detected by `net.ifnames=0` in the entries of every boot loader,
 * and by rules and `.link` files that override systemd's.
 */
export async function hasPredictableNames(files: GuestTree): Promise<boolean> {
  for (const name of NAMING_RULES) {
    if (await isMasked(files, `/etc/udev/rules.d/${name}`)) return false;
  }
  if (await isMasked(files, `${LINK_FOLDER}/99-default.link`)) return false;
  for (const path of await files.find(LINK_FOLDER, /\.link$/)) {
    if (keepsKernelNames((await files.read(path)) ?? '')) return false;
  }
  const lines = await linesOf(files, [...ENTRIES, { ...GRUB, folders: await efiGrubFolders(files) }]);
  const known = lines.length > 0 ? lines : await linesOf(files, SOURCES);
  return !known.some((line) => SWITCHED_OFF.test(line));
}

/** A link to `/dev/null` or an empty file: both mask a file of systemd. */
async function isMasked(files: GuestTree, path: string): Promise<boolean> {
  return (await files.linkTarget(path)) === '/dev/null' || (await files.read(path)) === '';
}

/** A `.link` file for every NIC with a policy that keeps the kernel's names. */
function keepsKernelNames(text: string): boolean {
  const sections = readIni(text);
  const match = sections.find(({ name }) => name === 'Match');
  const isForAll = match?.values.get('OriginalName') === '*' && match.values.size === 1;
  const policies = iniValue(sections, 'Link', 'NamePolicy')?.split(/\s+/) ?? [];
  return isForAll && policies.every((policy) => ['', 'kernel', 'keep'].includes(policy));
}

/** The ESP folders of distributions, for `grub.cfg`. */
async function efiGrubFolders(files: GuestTree): Promise<string[]> {
  const folders = await Promise.all(ESPS.map((esp) => files.find(`${esp}/EFI`, /^[\w.-]+$/)));
  return folders.flat();
}

async function linesOf(files: GuestTree, places: readonly Place[]): Promise<string[]> {
  const found: string[] = [];
  for (const { folders, names, lines } of places) {
    for (const folder of folders) {
      for (const path of await files.find(folder, names)) {
        const text = (await files.read(path)) ?? '';
        found.push(...text.split('\n').filter((line) => line.trim() !== '' && lines.test(line)));
      }
    }
  }
  return found;
}
