import { posix } from 'node:path';
import type { GuestTree } from '../../guest-tree.ts';
import { nicNameOf, isNicName } from '../../inspect/interface-name.ts';
import { matchesGlob } from '../../config/glob.ts';
import { addressesIn, type InterfaceUse } from './interface-use.ts';

interface Word {
  words: string[];
  file: string;
  line: number;
}

interface Stanza {
  name: string;
  method: string;
  /** The ports of a bridge, a bond or a VLAN. */
  ports: string[];
  isVirtual: boolean;
  addresses: string[];
  file: string;
  line: number;
}

const INTERFACES = '/etc/network/interfaces';
const MOST_FILES = 100;
/** Keywords that can be in place of ports. */
const NO_PORTS = new Set(['none', 'all', 'regex']);

/**
 * The NICs in `/etc/network/interfaces` (interfaces(5)) and the files that it includes, if they are brought up at
 * boot.
 */
export async function readIfupdown(files: GuestTree): Promise<InterfaceUse[]> {
  const lines = await readLines(files, INTERFACES, new Set());
  const started = new Map<string, string>();
  const stanzas: Stanza[] = [];
  for (const { words, file, line } of lines) {
    const [word = '', first = '', , method = ''] = words;
    if (word === 'iface') stanzas.push({ name: first, method, ports: [], isVirtual: false, addresses: [], file, line });
    else if (word === 'auto' || word.startsWith('allow-')) {
      // `eth0=lan`: the NIC eth0 with the stanza lan.
      for (const each of words.slice(1)) started.set(each.split('=').at(-1) ?? each, each.split('=', 1)[0] ?? each);
    } else addPorts(stanzas.at(-1), words);
  }
  return stanzas.flatMap((stanza) => usesOf(stanza, started));
}

function addPorts(stanza: Stanza | undefined, [word = '', ...rest]: readonly string[]): void {
  if (word === 'address') stanza?.addresses.push(...addressesIn(rest));
  if (stanza === undefined || !/^(bridge[_-]ports|bond[_-]slaves|slaves|vlan[_-]raw[_-]device)$/.test(word)) return;
  stanza.isVirtual = true;
  stanza.ports.push(...rest.filter((port) => !NO_PORTS.has(port)));
}

function usesOf(
  { name, method, ports, isVirtual, addresses, file, line }: Stanza,
  started: ReadonlyMap<string, string>,
): InterfaceUse[] {
  const physical = started.get(name);
  if (physical === undefined) return [];
  const names = isVirtual ? ports : [physical];
  return [...new Set(names.map(nicNameOf))].filter(isNicName).map((each) => ({
    title: each,
    file,
    line,
    match: { names: [each] },
    hasAddress: method === 'static' || isVirtual,
    addresses,
  }));
}

/** The lines of a file, with those of `source` and `source-directory` files in place. */
async function readLines(files: GuestTree, file: string, visited: Set<string>): Promise<Word[]> {
  if (visited.has(file) || visited.size > MOST_FILES) return [];
  visited.add(file);
  const text = await files.read(file);
  const found: Word[] = [];
  let line = 0;
  for (const each of joinedLines(text ?? '')) {
    const words = each.text.trim().split(/\s+/);
    line = each.line;
    if (each.text.trim() === '' || each.text.trim().startsWith('#')) continue;
    if (words[0] !== 'source' && words[0] !== 'source-directory') found.push({ words, file, line });
    else for (const path of await included(files, words)) found.push(...(await readLines(files, path, visited)));
  }
  return found;
}

async function included(files: GuestTree, [word, pattern = '']: readonly string[]): Promise<string[]> {
  const path = posix.resolve(posix.dirname(INTERFACES), pattern);
  if (word === 'source-directory') return files.find(path, /^[\w-]+$/);
  const names = await files.list(posix.dirname(path));
  return names
    .filter((name) => matchesGlob(posix.basename(path), name))
    .map((name) => posix.join(posix.dirname(path), name));
}

/** A backslash at the end of a line continues it. */
function joinedLines(text: string): { text: string; line: number }[] {
  const joined: { text: string; line: number }[] = [];
  let isContinued = false;
  for (const [index, each] of text.split('\n').entries()) {
    const last = joined.at(-1);
    if (isContinued && last) last.text += ` ${each.replace(/\\$/, '')}`;
    else joined.push({ text: each.replace(/\\$/, ''), line: index + 1 });
    isContinued = each.endsWith('\\');
  }
  return joined;
}
