import { posix } from 'node:path';
import type { BootSubject } from '../../boot-check.ts';
import {
  MOST_ENTRIES,
  wordsOf,
  type BootEntry,
  type KernelWord,
  type LoaderConfig,
  type SourcePlace,
} from '../boot-entry.ts';
import { entryFile, guestPath, loaderPath, type LoaderPath } from './loader-path.ts';

/** A line of a configuration: a keyword in lower case, and its value. */
interface Directive extends SourcePlace {
  keyword: string;
  value: string;
}

/** The part between one LABEL and the next. */
interface Label extends SourcePlace {
  name: string;
  title: string;
  kernel?: Directive;
  initrds: Directive[];
  append?: Directive;
}

/** The nesting depth of included files. */
const MOST_DEPTH = 16;
const MOST_LINES = 100_000;
/** SYSLINUX modules that show a menu. */
const MENU = /(^|\/)(vesa)?menu\.c32$/i;

/** The menu of SYSLINUX or EXTLINUX (SYSLINUX wiki, "Config" and "Menu"), and of U-Boot if it reads the same file. */
export async function readSyslinux(file: string, subject: BootSubject): Promise<LoaderConfig> {
  const problems: LoaderConfig['problems'][number][] = [];
  const directives = await readDirectives(file, subject, problems, 0);
  const { labels, defaultName, globalAppend } = collect(directives);
  const chosen = labels.find(({ name }) => name.toLowerCase() === defaultName?.toLowerCase()) ?? labels[0];
  const entries: BootEntry[] = [];
  for (const label of labels.slice(0, MOST_ENTRIES))
    entries.push(await entryOf(label, globalAppend, file, subject, label === chosen));
  return { loader: 'syslinux', file, entries, problems };
}

async function readDirectives(
  file: string,
  subject: BootSubject,
  problems: LoaderConfig['problems'][number][],
  depth: number,
): Promise<Directive[]> {
  const directives: Directive[] = [];
  for (const [index, text] of ((await subject.files.read(file)) ?? '').split('\n').entries()) {
    const [, first = '', rest = ''] = /^\s*([A-Za-z]\w*)(?:\s+(.*?))?\s*$/.exec(text) ?? [];
    const [, menuWord = '', menuValue = ''] =
      (first.toLowerCase() === 'menu' && /^(\w+)(?:\s+(.*))?$/.exec(rest)) || [];
    const keyword = menuWord === '' ? first.toLowerCase() : `menu ${menuWord.toLowerCase()}`;
    const directive = { keyword, value: menuWord === '' ? rest : menuValue, file, line: index + 1 };
    if (keyword === '' || directives.length >= MOST_LINES) continue;
    if (keyword !== 'include' && keyword !== 'menu include') directives.push(directive);
    else {
      // Relative to the folder of the including file; SYSLINUX itself has one folder for all files.
      const place = placeOf(directive.value.split(/\s+/)[0] ?? '', file, subject);
      const included = place && guestPath(place, subject);
      if (included !== undefined && depth < MOST_DEPTH && (await subject.files.isFile(included))) {
        directives.push(...(await readDirectives(included, subject, problems, depth + 1)));
      } else if (depth >= MOST_DEPTH) {
        problems.push({ file, line: index + 1, verdict: 'unknown', reason: 'It includes itself without end.' });
      }
    }
  }
  return directives;
}

/** The location of a SYSLINUX file: on the file system of its configuration. */
function placeOf(value: string, file: string, subject: BootSubject): LoaderPath | undefined {
  const folder = loaderPath(posix.dirname(file), subject);
  return folder && { device: folder.device, path: posix.resolve(folder.path, value.replaceAll('\\', '/')) };
}

function collect(directives: readonly Directive[]): {
  labels: Label[];
  defaultName: string | undefined;
  globalAppend: Directive | undefined;
} {
  const labels: Label[] = [];
  let [byDefault, byMenu, onTimeout]: (string | undefined)[] = [];
  let globalAppend: Directive | undefined;
  for (const directive of directives) {
    const { keyword, value, file, line } = directive;
    const label = labels.at(-1);
    if (keyword === 'label') labels.push({ name: value, title: value, file, line, initrds: [] });
    else if (keyword === 'default') byDefault = value;
    else if (keyword === 'ontimeout') onTimeout = value;
    else if (label === undefined) {
      if (keyword === 'append') globalAppend = directive;
    } else if (keyword === 'kernel' || keyword === 'linux') label.kernel = directive;
    else if (keyword === 'append') label.append = directive;
    else if (keyword === 'initrd') label.initrds.push(directive);
    else if (keyword === 'menu label') label.title = value.replaceAll('^', '');
    else if (keyword === 'menu default') byMenu = label.name;
  }
  const named = byDefault === undefined || MENU.test(byDefault) ? undefined : byDefault;
  return { labels, defaultName: onTimeout ?? byMenu ?? named, globalAppend };
}

async function entryOf(
  label: Label,
  globalAppend: Directive | undefined,
  config: string,
  subject: BootSubject,
  isDefault: boolean,
): Promise<BootEntry> {
  const file = async (written: string, { file: from, line }: SourcePlace): Promise<BootEntry['initramfs'][number]> => {
    const place = placeOf(written, config, subject) ?? { why: 'its file system is not known' };
    return await entryFile(written, place, { file: from, line }, subject);
  };
  const { kernel, initrds, append, title } = label;
  const [written, ...extra] = kernel?.value.split(/\s+/) ?? [];
  const isLinux = written !== undefined && !/\.(c32|bin|bss|0|bs|img|com|cbt|kpxe)$/i.test(written);
  // A single dash means none.
  const appended = append ?? globalAppend;
  const words: KernelWord[] = [
    ...(kernel ? extra.flatMap((word) => wordsOf(word, kernel)) : []),
    ...(appended && appended.value !== '-' ? wordsOf(appended.value, appended) : []),
  ];
  const ofWords = words.filter(({ text }) => text.startsWith('initrd='));
  const named =
    initrds.length > 0
      ? initrds.map(({ value, ...place }) => ({ ...place, value }))
      : ofWords.map(({ text, ...place }) => ({ ...place, value: text.slice('initrd='.length) }));
  const images = named.flatMap(({ value, ...place }) =>
    value
      .split(',')
      .filter(Boolean)
      .map((path) => ({ path, place })),
  );
  return {
    loader: 'syslinux',
    title,
    file: label.file,
    line: label.line,
    kernel: kernel && isLinux ? await file(written, kernel) : undefined,
    initramfs: isLinux ? await Promise.all(images.map(({ path, place }) => file(path, place))) : [],
    commandLine: words.filter(({ text }) => !text.startsWith('initrd=')),
    isDefault,
  };
}
