import type { BootEntry, KernelWord, SourcePlace } from '../boot-entry.ts';
import type { GrubVariables } from './grub-environment.ts';
import type { Statement } from './grub-script.ts';

/** A line of GRUB's menu. What is in it is run when it is started. */
export interface MenuItem extends SourcePlace {
  kind: 'entry' | 'submenu';
  title: string;
  id: string;
  /** Of a BLS entry, which is not a script. */
  entry?: BootEntry;
  body: readonly Statement[];
  /** `$1` and so on. */
  arguments: readonly string[];
  /** As they are when the menu is shown. */
  variables: GrubVariables;
}

/** What a running script works on. */
export interface Scope {
  file: string;
  variables: GrubVariables;
  /** Where its menu entries go. */
  menu: MenuItem[];
  /** What `linux` and `initrd` of a menu entry load. */
  loaded: { kernel?: BootEntry['kernel']; initramfs: BootEntry['initramfs'][number][]; words: KernelWord[] };
  /** Files and functions that are being run. */
  depth: number;
}

/** What `menuentry` or `submenu` adds to the menu. */
export function menuItem(
  name: 'menuentry' | 'submenu',
  args: readonly string[],
  rest: Pick<MenuItem, 'file' | 'line' | 'body' | 'variables'>,
): MenuItem {
  const { id, plain } = menuArguments(args);
  const title = plain[0] ?? '';
  return { ...rest, kind: name === 'submenu' ? 'submenu' : 'entry', title, id: id ?? title, arguments: plain };
}

/** For the script of an item that is started. */
export function scopeOf({ file, line, variables, arguments: args }: MenuItem): Scope {
  const own = variables.copy();
  for (const [index, text] of args.entries()) own.set(String(index), { text, file, line });
  return { file, variables: own, menu: [], loaded: { initramfs: [], words: [] }, depth: 0 };
}

/** The default in each menu on the way to it, such as `1>2`. */
export function chosenPath(variables: GrubVariables): string[] {
  const text = variables.text('default');
  return text === '' ? ['0'] : text.split(/(?<!>)>(?!>)/);
}

/** By id, title or number; what is not there is the first, as GRUB does it. */
export function selectedItem(menu: readonly MenuItem[], wanted: string): MenuItem | undefined {
  const name = wanted.replaceAll('>>', '>');
  const named = menu.find(({ id, title }) => id === name || title === name);
  return named ?? (/^\d+$/.test(name) ? menu[Number(name)] : undefined) ?? menu[0];
}

const OPTIONS_WITH_VALUE = new Set(['--class', '--users', '--hotkey', '--source', '--id']);

function menuArguments(args: readonly string[]): { id: string | undefined; plain: string[] } {
  const plain: string[] = [];
  let id: string | undefined;
  for (let at = 0; at < args.length; at += 1) {
    const word = args[at] ?? '';
    if (OPTIONS_WITH_VALUE.has(word)) {
      at += 1;
      if (word === '--id') id = args[at];
    } else if (word.startsWith('--id=')) id = word.slice('--id='.length);
    else if (!word.startsWith('--')) plain.push(word);
  }
  return { id, plain };
}
