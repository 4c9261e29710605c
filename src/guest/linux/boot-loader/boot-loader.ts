import { posix } from 'node:path';
import type { Fix, GuestDraft } from '../../change.ts';
import { rootDevice, type Guest } from '../../guest.ts';
import { renameInLines, type Rename } from '../initramfs/kernel-words.ts';
import { newName } from '../volumes/stable-name.ts';
import { planFallbackLoader } from './fallback-loader.ts';

const NAME = 'boot-loader';

/** Settings from which the distributions' tools generate kernel lines. */
const SETTING =
  /^\s*(GRUB_CMDLINE_\w+|GRUB_DEVICE|kernel_cmdline|DEFAULT_APPEND|DEFAULT_\w+_APPEND|EXTLINUX_\w+|U_BOOT_\w+|LINUX_KERNEL_CMDLINE)\+?=/;
/**
 * A kernel's line in the files of GRUB 2, GRUB legacy (with the options that the Debian and Ubuntu tool keeps in
 * comments) and syslinux.
 */
const GRUB_LINE =
  /^\s*(linux|linux16|linuxefi|kernel|module|set kernelopts|set default_kernelopts|kernelopts|# kopt|# defoptions)[\s=]/;
const SYSLINUX_LINE = /^\s*append\s/i;
const BLS_LINE = /^options\s/;
const ANY_LINE = /^/;

interface Place {
  folder: string;
  names: RegExp;
  lines: RegExp;
}

/** The files with kernel command lines. A file that is not a link to another one of these is changed separately. */
const PLACES: readonly Place[] = [
  { folder: '/etc/default', names: /^(grub|extlinux|u-boot)$/, lines: SETTING },
  { folder: '/etc/default/grub.d', names: /\.cfg$/, lines: SETTING },
  { folder: '/etc/sysconfig', names: /^bootloader$/, lines: SETTING },
  { folder: '/etc/dracut.conf.d', names: /\.conf$/, lines: SETTING },
  { folder: '/etc', names: /^dracut\.conf$/, lines: SETTING },
  { folder: '/etc/kernel', names: /^cmdline$/, lines: ANY_LINE },
  { folder: '/etc/cmdline.d', names: /\.conf$/, lines: ANY_LINE },
  { folder: '/boot/grub', names: /^(grub\.cfg|menu\.lst|grub\.conf|grubenv|custom\.cfg)$/, lines: GRUB_LINE },
  { folder: '/boot/grub2', names: /^(grub\.cfg|grubenv|custom\.cfg)$/, lines: GRUB_LINE },
  { folder: '/boot/loader/entries', names: /\.conf$/, lines: BLS_LINE },
  { folder: '/boot/efi/loader/entries', names: /\.conf$/, lines: BLS_LINE },
  { folder: '/efi/loader/entries', names: /\.conf$/, lines: BLS_LINE },
  { folder: '/boot/extlinux', names: /\.(conf|cfg)$/, lines: SYSLINUX_LINE },
  { folder: '/boot/syslinux', names: /\.(conf|cfg)$/, lines: SYSLINUX_LINE },
];

/** Fixes device names on the kernel command line, a stale device map, and the loader for firmware without variables. */
export const bootLoader: Fix = {
  name: NAME,
  async plan(guest, draft) {
    for (const [path, lines] of await bootFiles(guest)) await planFile(guest, draft, path, lines);
    for (const path of ['/boot/grub/device.map', '/boot/grub2/device.map']) await planDeviceMap(draft, path);
    await planFallbackLoader(guest, draft);
  },
};

/**
 * `grub.cfg` on the ESP: the complete file in Red Hat's older releases; otherwise a few lines that load the other
 * one.
 */
async function efiGrubFiles({ files }: Guest): Promise<string[]> {
  const folders = await files.find('/boot/efi/EFI', /^[\w.-]+$/);
  const found = await Promise.all(folders.map((folder) => files.find(folder, /^(grub\.cfg|grubenv)$/i)));
  return found.flat();
}

/** The current texts of the guest's files with kernel command lines, by path. */
export async function readBootTexts(guest: Guest): Promise<Map<string, string>> {
  const texts = new Map<string, string>();
  for (const path of (await bootFiles(guest)).keys()) {
    const text = await guest.files.read(path);
    if (text !== undefined) texts.set(path, text);
  }
  return texts;
}

/** The guest's files with kernel command lines by path, and the lines in each that have one. */
export async function bootFiles(guest: Guest): Promise<Map<string, RegExp>> {
  const found = new Map<string, RegExp>();
  for (const { folder, names, lines } of PLACES) {
    for (const path of await guest.files.find(folder, names)) found.set(path, lines);
  }
  for (const path of await efiGrubFiles(guest)) found.set(path, GRUB_LINE);
  return found;
}

/**
 * The text of one of {@link readBootTexts} with its devices renamed. `warn` receives names that are not a device of
 * the VM.
 */
export function renameInBootText(
  guest: Guest,
  path: string,
  before: string,
  { lines = linesOf(path), warn }: { lines?: RegExp; warn: (message: string) => void },
): { text: string; details: string[] } {
  const details: string[] = [];
  let text = renameInLines(before, lines, renamer(guest, warn, path, details));
  if (path.endsWith('/grubenv')) text = padGrubenv(text, before.length);
  if (path.startsWith('/etc/default/')) text = allowUuid(text, details);
  return { text, details: [...new Set(details)] };
}

function linesOf(path: string): RegExp {
  return (
    PLACES.find(({ folder, names }) => posix.dirname(path) === folder && names.test(posix.basename(path)))?.lines ??
    GRUB_LINE
  );
}

async function planFile(guest: Guest, draft: GuestDraft, path: string, lines: RegExp): Promise<void> {
  const before = await draft.read(path);
  if (before === undefined) return;
  const warn = (message: string): void => draft.warn(message);
  const { text, details } = renameInBootText(guest, path, before, { lines, warn });
  await draft.write(NAME, path, text, details);
}

function renamer(guest: Guest, warn: (message: string) => void, path: string, details: string[]): Rename {
  const root = rootDevice(guest);
  const { kernels } = guest;
  const hasInitramfs = kernels.length === 0 || kernels.some(({ initramfs }) => initramfs !== undefined);
  return (word, spec) => {
    const found = newName(spec, guest, {
      type: word === 'resume' ? 'swap' : '',
      root: word === 'root' ? root : undefined,
    });
    if (found === 'stays') return spec;
    // Without an initramfs, a kernel can find only partitions.
    const name = found === 'unknown' ? undefined : hasInitramfs ? found.name : partitionName(found.device.partUuid);
    if (name === undefined) {
      warn(`${path} names ${spec}, which is not a device of this VM. It is not changed.`);
      return spec;
    }
    details.push(`${word}=${spec} → ${name}`);
    return name;
  };
}

function partitionName(partUuid: string | undefined): string | undefined {
  return partUuid === undefined ? undefined : `PARTUUID=${partUuid}`;
}

/** GRUB's environment block has a fixed length and is padded with `#`. */
export function padGrubenv(text: string, lengthBytes: number): string {
  return text
    .replace(/#*$/, '')
    .padEnd(lengthBytes, '#')
    .slice(0, Math.max(lengthBytes, text.replace(/#*$/, '').length));
}

/** With this setting, the next `update-grub` would write `/dev/sda1` again. */
function allowUuid(text: string, details: string[]): string {
  return text.replace(
    /^(\s*)(GRUB_DISABLE_LINUX_(?:PART)?UUID=["']?true["']?)/gm,
    (_line, space: string, setting: string) => {
      details.push(`${setting} off`);
      return `${space}#${setting}`;
    },
  );
}

/**
 * A map from BIOS drive numbers to disks under their old names. GRUB determines the mapping itself if the file is
 * missing.
 */
async function planDeviceMap(draft: GuestDraft, path: string): Promise<void> {
  const text = await draft.read(path);
  if (text === undefined || !/^\(hd\d+\)\s+\/dev\//m.test(text)) return;
  await draft.remove(NAME, path, ['it maps disks by the names of the old hardware']);
}
