import type { GuestTree } from '../../guest-tree.ts';
import { splitWord, type KernelWord } from '../boot-entries/boot-entry.ts';

/** A module that a word of the command line, or a line of a file, keeps from being loaded. */
export interface BlockedModule {
  /** With `_` instead of `-`. */
  name: string;
  /** The word or the line, as written. */
  by: string;
  /** The word of the command line; undefined for a line of a file. */
  word?: KernelWord;
  path?: string;
  line?: number;
  /** Only loading by the id of a device is prevented, as with `blacklist` in modprobe.d(5). */
  isByAliasOnly: boolean;
}

const FOLDERS = ['/etc/modprobe.d', '/usr/local/lib/modprobe.d', '/lib/modprobe.d', '/usr/lib/modprobe.d'];

export function blockedByWords(words: readonly KernelWord[]): BlockedModule[] {
  return words.flatMap((word) => {
    const { name, value = '' } = splitWord(word);
    if (!/^(modprobe\.blacklist|module_blacklist|rd\.driver\.blacklist|rdblacklist)$/.test(name)) return [];
    return value.split(',').map((each) => ({ name: plain(each), by: word.text, word, isByAliasOnly: false }));
  });
}

/** Reads modprobe.d(5). */
export async function blockedByFiles(tree: Pick<GuestTree, 'find' | 'read'>): Promise<BlockedModule[]> {
  const blocked: BlockedModule[] = [];
  for (const folder of FOLDERS) {
    for (const path of await tree.find(folder, /\.conf$/)) {
      for (const [index, text] of ((await tree.read(path)) ?? '').split('\n').entries()) {
        const [, listed] = /^\s*blacklist\s+(\S+)/.exec(text) ?? [];
        const [, replaced] = /^\s*install\s+(\S+)\s+\/(?:usr\/)?bin\/(?:true|false)\b/.exec(text) ?? [];
        const name = listed ?? replaced;
        if (name === undefined) continue;
        const isByAliasOnly = listed !== undefined;
        blocked.push({ name: plain(name), by: text.trim(), path, line: index + 1, isByAliasOnly });
      }
    }
  }
  return blocked;
}

export function blockedReason({ by, name }: BlockedModule): string {
  return `${by} keeps the driver ${name} from being loaded.`;
}

function plain(name: string): string {
  return name.replaceAll('-', '_');
}
