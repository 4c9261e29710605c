import { readUnifiedImage } from '../../contract/boot-entries/loaders/unified-image.ts';
import type { Guest } from '../../guest.ts';

/** The locations of boot entries' command lines, in order of precedence. `lines` captures the command line. */
const PLACES: readonly { folder: string; names: RegExp; lines: RegExp }[] = [
  { folder: '/etc/kernel', names: /^cmdline$/, lines: /^(?!#)(.+)$/gm },
  { folder: '/boot/loader/entries', names: /\.conf$/, lines: /^options[ \t]+(.+)$/gm },
  { folder: '/boot/efi/loader/entries', names: /\.conf$/, lines: /^options[ \t]+(.+)$/gm },
  { folder: '/efi/loader/entries', names: /\.conf$/, lines: /^options[ \t]+(.+)$/gm },
  { folder: '/boot/grub2', names: /^grub\.cfg$/, lines: /^\s*linux(?:16|efi)?[ \t]+\S+[ \t]+(.+)$/gm },
  { folder: '/boot/grub', names: /^grub\.cfg$/, lines: /^\s*linux(?:16|efi)?[ \t]+\S+[ \t]+(.+)$/gm },
  { folder: '/boot/grub', names: /^(menu\.lst|grub\.conf)$/, lines: /^\s*kernel[ \t]+\S+[ \t]+(.+)$/gm },
  { folder: '/boot/extlinux', names: /\.conf$/, lines: /^\s*append[ \t]+(.+)$/gim },
  { folder: '/boot/syslinux', names: /\.cfg$/, lines: /^\s*append[ \t]+(.+)$/gim },
];
const ENVIRONMENTS = ['/boot/grub2/grubenv', '/boot/efi/EFI/redhat/grubenv', '/boot/efi/EFI/centos/grubenv'];

/**
 * The kernel command line of the guest's first boot entry, which is the guest's `/proc/cmdline`; undefined if no
 * entry names a root. Rescue entries are skipped.
 */
export async function readCommandLine({ files }: Pick<Guest, 'files'>): Promise<string | undefined> {
  for (const { folder, names, lines } of PLACES) {
    for (const path of await files.find(folder, names)) {
      const text = (await files.read(path)) ?? '';
      for (const [, words = ''] of text.matchAll(lines)) {
        const line = plainWords(await expanded(words, files));
        if (isOfNormalStart(line)) return line;
      }
    }
  }
  return await unifiedCommandLine(files);
}

function isOfNormalStart(line: string): boolean {
  return /(^|\s)root=/.test(line) && !/(^|\s)(single|recovery|rescue|systemd\.unit=\S+)(\s|$)/.test(line);
}

/** The command line in a unified kernel image, for a guest whose boot loader has no other entries. */
async function unifiedCommandLine(files: Guest['files']): Promise<string | undefined> {
  for (const esp of ['/boot/efi', '/efi', '/boot']) {
    for (const path of (await files.find(`${esp}/EFI/Linux`, /\.efi$/i)).toReversed()) {
      const { entry } = (await readUnifiedImage(path, esp, files)) ?? {};
      const words = entry?.commandLine.filter(({ file }) => file === path).map(({ text }) => text) ?? [];
      if (isOfNormalStart(words.join(' '))) return words.join(' ');
    }
  }
  return undefined;
}

/** RHEL 8 entries contain `$kernelopts`, which is defined in GRUB's environment. */
async function expanded(words: string, files: Guest['files']): Promise<string> {
  if (!words.includes('$kernelopts')) return words;
  for (const path of ENVIRONMENTS) {
    const [, options] = /^kernelopts=(.*)$/m.exec((await files.read(path)) ?? '') ?? [];
    if (options !== undefined) return words.replace('$kernelopts', options);
  }
  return words;
}

/** Removes GRUB's variables and the initrd of a syslinux entry, which the kernel does not see. */
function plainWords(line: string): string {
  return line
    .trim()
    .split(/\s+/)
    .filter((word) => !/^\$|^initrd=/.test(word))
    .join(' ');
}
