import type { KernelWord } from '../boot-entries/boot-entry.ts';
import { wordsOf } from '../boot-entries/boot-entry.ts';
import { parseCrypttab, type CrypttabEntry } from '../../config/crypttab.ts';
import type { ArchiveTree } from './archive/archive-tree.ts';

/** A volume that a file of the initramfs opens. */
export interface OpenedVolume extends CrypttabEntry {
  path: string;
}

/** A setting of initramfs-tools, such as `RESUME=UUID=...`. */
export interface ConfSetting {
  name: string;
  value: string;
  path: string;
  line: number;
}

/** The configuration in an initramfs that names devices. */
export interface InitramfsConfig {
  /** The existing crypttabs, including empty ones. */
  crypttabs: readonly string[];
  volumes: readonly OpenedVolume[];
  settings: readonly ConfSetting[];
  /** Words that dracut adds to the kernel's command line. */
  words: readonly KernelWord[];
}

/** Debian's path since 2018, then dracut's and systemd's. */
const CRYPTTABS = ['/cryptroot/crypttab', '/etc/crypttab'];
/** Debian's path before 2018: a line `target=NAME,source=DEVICE,key=none,...` per volume. */
const OLD_CRYPTROOT = '/conf/conf.d/cryptroot';

export async function readInitramfsConfig(tree: ArchiveTree): Promise<InitramfsConfig> {
  const crypttabs: string[] = [];
  const volumes: OpenedVolume[] = [];
  for (const path of [...CRYPTTABS, OLD_CRYPTROOT]) {
    const text = await tree.read(path);
    if (text === undefined) continue;
    crypttabs.push(path);
    const entries = path === OLD_CRYPTROOT ? parseCryptroot(text) : parseCrypttab(text);
    volumes.push(...entries.map((entry) => ({ ...entry, path })));
  }
  const words: KernelWord[] = [];
  for (const file of await tree.find('/etc/cmdline.d', /\.conf$/)) {
    for (const [index, line] of ((await tree.read(file)) ?? '').split('\n').entries()) {
      if (!line.trim().startsWith('#')) words.push(...wordsOf(line, { file, line: index + 1 }));
    }
  }
  return { crypttabs, volumes, settings: await readSettings(tree), words };
}

async function readSettings(tree: ArchiveTree): Promise<ConfSetting[]> {
  const settings: ConfSetting[] = [];
  for (const path of ['/conf/initramfs.conf', '/conf/param.conf', ...(await tree.find('/conf/conf.d', /^[^.]+$/))]) {
    if (path === OLD_CRYPTROOT) continue;
    for (const [index, line] of ((await tree.read(path)) ?? '').split('\n').entries()) {
      const [, name, value] = /^\s*(?:export\s+)?([A-Za-z_]\w*)=["']?([^"'\s]*)/.exec(line) ?? [];
      if (name !== undefined && value !== undefined) settings.push({ name, value, path, line: index + 1 });
    }
  }
  return settings;
}

function parseCryptroot(text: string): CrypttabEntry[] {
  return text.split('\n').flatMap((each, index) => {
    const options = each.trim().split(',').filter(Boolean);
    const value = (key: string): string | undefined =>
      options.find((option) => option.startsWith(`${key}=`))?.slice(key.length + 1);
    const [name, source, key = 'none'] = [value('target'), value('source'), value('key')];
    if (name === undefined || source === undefined) return [];
    return [{ name, source, keyFile: key === 'none' ? undefined : key, options, line: index + 1 }];
  });
}
