import type { BootEntry, KernelWord, SourcePlace } from '../boot-entry.ts';
import type { GrubVariables } from './grub-environment.ts';
import type { Statement } from './grub-script.ts';

/** An item of GRUB's menu. Its body runs when it is started. */
export interface MenuItem extends SourcePlace {
  kind: 'entry' | 'submenu';
  title: string;
  id: string;
  /** Set for a BLS entry, which is not a script. */
  entry?: BootEntry;
  body: readonly Statement[];
  /** `$1` and so on. */
  arguments: readonly string[];
  /** The variables when the menu is shown. */
  variables: GrubVariables;
}

/** The state of a running script. */
export interface Scope {
  file: string;
  variables: GrubVariables;
  /** Receives the script's menu entries. */
  menu: MenuItem[];
  /** The files that `linux` and `initrd` of a menu entry load. */
  loaded: { kernel?: BootEntry['kernel']; initramfs: BootEntry['initramfs'][number][]; words: KernelWord[] };
  /** The nesting depth of files and functions. */
  depth: number;
}

/** The item that `menuentry` or `submenu` adds to the menu. */
export function menuItem(
  name: 'menuentry' | 'submenu',
  args: readonly string[],
  rest: Pick<MenuItem, 'file' | 'line' | 'body' | 'variables'>,
): MenuItem {
  const { id, plain } = menuArguments(args);
  const title = plain[0] ?? '';
  return { ...rest, kind: name === 'submenu' ? 'submenu' : 'entry', title, id: id ?? title, arguments: plain };
}

/** The scope for the script of an item that is started. */
export function scopeOf({ file, line, variables, arguments: args }: MenuItem): Scope {
  const own = variables.copy();
  for (const [index, text] of args.entries()) own.set(String(index), { text, file, line });
  return { file, variables: own, menu: [], loaded: { initramfs: [], words: [] }, depth: 0 };
}

/** The default in each menu on the way to the default entry, such as `1>2`. */
export function chosenPath(variables: GrubVariables): string[] {
  const text = variables.text('default');
  return text === '' ? ['0'] : text.split(/(?<!>)>(?!>)/);
}

/** Selects by id, title or number; an unknown value selects the first item, as in GRUB. */
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
