import { posix } from 'node:path';
import type { GuestTree } from '../../guest-tree.ts';
import { readMac } from '../../inspect/interface-name.ts';
import { readYaml, type YamlNode } from '../../config/yaml-lines.ts';
import { addressesIn, type InterfaceUse } from './interface-use.ts';
import type { NicMatch } from './nic-match.ts';
import type { Rename } from './nic-names.ts';

export interface Netplan {
  uses: InterfaceUse[];
  /** From `set-name`. */
  renames: Rename[];
  /** Files that were skipped because of unsupported YAML. */
  unread: string[];
}

const FOLDERS = ['/etc/netplan', '/run/netplan', '/usr/lib/netplan', '/lib/netplan'];

/** The NICs in `ethernets:` of all files (netplan(5)). A later file extends a NIC with the same id. */
export async function readNetplan(files: GuestTree): Promise<Netplan> {
  const paths = new Map<string, string>();
  for (const folder of FOLDERS) {
    for (const path of await files.find(folder, /\.yaml$/)) {
      if (!paths.has(posix.basename(path))) paths.set(posix.basename(path), path);
    }
  }
  const adapters = new Map<string, { entries: Map<string, YamlNode>; file: string; line: number }>();
  const unread: string[] = [];
  for (const [, file] of [...paths].toSorted(([a], [b]) => (a < b ? -1 : 1))) {
    const document = readYaml((await files.read(file)) ?? '');
    if (document === undefined) unread.push(file);
    for (const [id, node] of document?.entries.get('network')?.entries.get('ethernets')?.entries ?? []) {
      const known = adapters.get(id) ?? { entries: new Map<string, YamlNode>(), file, line: node.line };
      for (const [key, value] of node.entries) known.entries.set(key, value);
      adapters.set(id, known);
    }
  }
  const netplan: Netplan = { uses: [], renames: [], unread };
  for (const [id, { entries, file, line }] of adapters) {
    const match = readMatch(id, entries.get('match'));
    const name = entries.get('set-name')?.text;
    if (name !== undefined && match.names?.includes(name) !== true) {
      netplan.renames.push({ match, name, exchanges: false, file, line });
    }
    const isUsed = entries.get('activation-mode')?.text !== 'off';
    const items = entries.get('addresses')?.items ?? [];
    const addresses = addressesIn(items.map(({ text, entries: options }) => text ?? [...options.keys()][0]));
    const hasAddress = items.length > 0;
    if (isUsed) netplan.uses.push({ title: `netplan's ${id}`, file, line, match, hasAddress, addresses });
  }
  return netplan;
}

/** Without `match:` the id is the interface name. */
function readMatch(id: string, match: YamlNode | undefined): NicMatch {
  if (match === undefined) return { names: [id] };
  const list = (key: string): string[] | undefined => {
    const node = match.entries.get(key);
    return node === undefined
      ? undefined
      : [...node.items.flatMap(({ text }) => text ?? []), ...(node.text ? [node.text] : [])];
  };
  return {
    names: list('name'),
    macs: list('macaddress')?.flatMap((each) => readMac(each) ?? []),
    drivers: list('driver'),
  };
}
