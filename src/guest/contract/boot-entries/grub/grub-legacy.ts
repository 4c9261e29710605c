import { posix } from 'node:path';
import type { BlockDevice } from '../../../guest.ts';
import type { BootSubject } from '../../boot-check.ts';
import { MOST_ENTRIES, wordsOf, type BootEntry, type LoaderConfig, type SourcePlace } from '../boot-entry.ts';
import { entryFile, loaderPath, type LoaderPath } from '../loaders/loader-path.ts';

interface Command extends SourcePlace {
  name: string;
  value: string;
}

interface Section extends SourcePlace {
  title: string;
  commands: Command[];
}

/**
 * The menu of GRUB legacy (GNU GRUB manual 0.97): `menu.lst`, or `grub.conf` on Red Hat. Its partitions count from 0.
 */
export async function readGrubLegacy(file: string, subject: BootSubject): Promise<LoaderConfig> {
  const sections: Section[] = [];
  const settings = new Map<string, string>();
  for (const [index, text] of ((await subject.files.read(file)) ?? '').split('\n').entries()) {
    const [, name, value = ''] = /^\s*([a-z]\w*)[\s=]*(.*?)\s*$/i.exec(text) ?? [];
    if (name === undefined) continue;
    const command = { name: name.toLowerCase(), value, file, line: index + 1 };
    const section = sections.at(-1);
    if (command.name === 'title') sections.push({ title: value, file, line: index + 1, commands: [] });
    else if (section) section.commands.push(command);
    else settings.set(command.name, value);
  }
  const number = await defaultNumber(settings.get('default'), file, subject);
  const entries: BootEntry[] = [];
  for (const [index, section] of sections.slice(0, MOST_ENTRIES).entries()) {
    entries.push(await entryOf(section, file, subject, index === (number < sections.length ? number : 0)));
  }
  return { loader: 'grub-legacy', file, entries, problems: [] };
}

/** With `saved`, the number is in a file next to the menu. */
async function defaultNumber(value: string | undefined, file: string, { files }: BootSubject): Promise<number> {
  const text = value === 'saved' ? await files.read(posix.join(posix.dirname(file), 'default')) : value;
  return Number.parseInt(text ?? '0', 10) || 0;
}

async function entryOf(
  { title, commands, ...place }: Section,
  config: string,
  subject: BootSubject,
  isDefault: boolean,
): Promise<BootEntry> {
  let root: string | undefined = loaderPath(config, subject)?.device;
  let why = 'no root command says which device it is on';
  const where = (written: string): LoaderPath | { why: string } => {
    const [, named, path = written] = /^\(([^)]*)\)(.*)$/.exec(written) ?? [];
    const device = named === undefined ? root : deviceNamed(named, subject.devices)?.name;
    return device === undefined
      ? { why: named === undefined ? why : `(${named}) is not one of this guest's devices` }
      : { device, path };
  };
  const entry: BootEntry = {
    loader: 'grub-legacy',
    title,
    ...place,
    kernel: undefined,
    initramfs: [],
    commandLine: [],
    isDefault,
  };
  for (const { name, value, ...at } of commands) {
    if (name === 'root' || name === 'rootnoverify') {
      root = deviceNamed(value.replace(/^\((.*)\).*$/, '$1'), subject.devices)?.name;
      why = `${value} is not one of this guest's devices`;
    } else if (name === 'uuid') {
      root = subject.devices.find(({ uuid }) => uuid?.toLowerCase() === value.toLowerCase())?.name;
      why = `no device has the UUID ${value}`;
    } else if (name === 'kernel') {
      const words = value.split(/\s+/).filter((word) => !/^--(type|no-mem-option)/.test(word));
      const [written = '', ...rest] = words;
      entry.kernel = await entryFile(written, where(written), at, subject);
      entry.commandLine = rest.flatMap((word) => wordsOf(word, at));
    } else if (name === 'initrd' || name === 'module') {
      const images = value.split(/\s+/).filter(Boolean);
      entry.initramfs = await Promise.all(images.map((written) => entryFile(written, where(written), at, subject)));
    }
  }
  return entry;
}

/** `hd0,0` is the first partition of the first disk. */
function deviceNamed(name: string, devices: readonly BlockDevice[]): BlockDevice | undefined {
  const [, disk, partition] = /^hd(\d+)(?:,(\d+))?/.exec(name) ?? [];
  const number = partition === undefined ? undefined : Number(partition) + 1;
  return devices.find((device) => device.disk === Number(disk) && device.partition === number);
}
