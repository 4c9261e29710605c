import { posix } from 'node:path';
import type { Fix, GuestDraft } from '../../change.ts';
import type { Guest } from '../../guest.ts';
import { bootFiles, padGrubenv } from './boot-loader.ts';

const NAME = 'serial-console';
const SERIAL = 'console=ttyS0,115200n8';
/** Without any `console=` the kernel uses the screen. With one, it must be named too. */
const SCREEN = 'console=tty0';

/** Settings for all boot entries. Others add words to some of the entries, or are built into an initramfs. */
const SETTING = /^(\s*(?:GRUB_CMDLINE_LINUX|DEFAULT_APPEND|EXTLINUX_PARAMETERS|U_BOOT_PARAMETERS)=)(.*)$/;
/** A setting that repeats itself has the words already. */
const OWN_VALUE = /\$\{?(?:GRUB_CMDLINE_LINUX|DEFAULT_APPEND|EXTLINUX_PARAMETERS|U_BOOT_PARAMETERS)\b/;
/** Files whose words are built into an initramfs or a unified kernel image only. */
const BUILT_IN = /^\/etc\/(?:dracut\.conf|dracut\.conf\.d\/|cmdline\.d\/)/;
const UNIFIED_FOLDERS = ['/boot/efi/EFI/Linux', '/efi/EFI/Linux', '/boot/EFI/Linux'];
const SYSTEMD = ['/usr/lib/systemd/systemd', '/lib/systemd/systemd'];

/**
 * Adds the serial console to every boot entry, and to the settings that later entries are made from, for `virsh
 * console`. The last console of a command line is `/dev/console`, so the serial one comes before those that are there.
 */
export const serialConsole: Fix = {
  name: NAME,
  async plan(guest, draft) {
    let hasEntry = false;
    for (const [path, lines] of await bootFiles(guest)) {
      if (BUILT_IN.test(path)) continue;
      hasEntry = (await planFile(draft, path, lines)) || hasEntry;
    }
    await warnOf(guest, draft, hasEntry);
  },
};

/** Returns whether the file has a kernel command line. */
async function planFile(draft: GuestDraft, path: string, lines: RegExp): Promise<boolean> {
  const before = await draft.read(path);
  if (before === undefined) return false;
  const isSettings = path.startsWith('/etc/') && path !== '/etc/kernel/cmdline';
  const added = before.split('\n').map((line) => {
    if (isSettings) return settingWithConsole(line);
    return lines.test(line) && /(^|[\s="])root=/.test(line) ? entryWithConsole(line) : line;
  });
  const own = path === '/etc/default/grub' && !added.some((line) => SETTING.test(line));
  const text = (own ? [...withoutEnd(added), `GRUB_CMDLINE_LINUX="${SERIAL} ${SCREEN}"`, ''] : added).join('\n');
  const isEnvironment = posix.basename(path) === 'grubenv';
  const padded = isEnvironment ? padGrubenv(text, before.length) : text;
  if (isEnvironment && padded.length > before.length) {
    draft.warn(`${path} has no room for the serial console. It is not changed.`);
    return true;
  }
  await draft.write(NAME, path, padded, [`${SERIAL} is added`]);
  return (
    !isSettings && before.split('\n').some((line) => lines.test(line) && /(^|[\s="])(root=|\$kernelopts)/.test(line))
  );
}

function withoutEnd(lines: readonly string[]): string[] {
  return lines.at(-1) === '' ? lines.slice(0, -1) : [...lines];
}

function settingWithConsole(line: string): string {
  const [, start, value = ''] = SETTING.exec(line) ?? [];
  if (start === undefined || OWN_VALUE.test(value)) return line;
  const [, quote = '"', words = ''] = /^(["'])(.*)\1\s*$/.exec(value) ?? ['', '"', value.trim()];
  return `${start}${quote}${withConsole(words)}${quote}`;
}

/** The words of a line of an entry reach to its end, or to a closing quote. */
function entryWithConsole(line: string): string {
  const [, words = '', end = ''] = /^(.*?)(["']?\s*)$/.exec(line) ?? [];
  return withConsole(words) + end;
}

function withConsole(words: string): string {
  if (/(^|[\s="])console=ttyS0\b/.test(words)) return words;
  if (/(^|\s)console=/.test(words)) return words.replace(/(^|\s)console=/, `$1${SERIAL} console=`);
  return `${words}${words === '' ? '' : ' '}${SERIAL} ${SCREEN}`;
}

async function warnOf({ files }: Guest, draft: GuestDraft, hasEntry: boolean): Promise<void> {
  const unified = (await Promise.all(UNIFIED_FOLDERS.map((folder) => files.find(folder, /\.efi$/i)))).flat();
  if (unified[0] !== undefined) {
    draft.warn(
      `The command line of ${unified[0]} is part of it. It has no serial console until the guest rebuilds it.`,
    );
  } else if (!hasEntry) draft.warn('There is no boot entry with a kernel command line, so there is no serial console.');
  for (const path of SYSTEMD) if (await files.isFile(path)) return;
  draft.warn('The guest has no systemd: the serial console shows a login prompt only if its init starts one on ttyS0.');
}
