import { posix } from 'node:path';
import type { GuestTree } from '../../guest-tree.ts';
import { readIni } from '../../inspect/ini.ts';
import { isNicName, readMac } from '../../inspect/interface-name.ts';
import { addressesIn, lineOf, type InterfaceUse } from './interface-use.ts';

const FOLDERS = [
  '/etc/NetworkManager/system-connections',
  '/run/NetworkManager/system-connections',
  '/usr/lib/NetworkManager/system-connections',
];
const ETHERNET = /^(802-3-)?ethernet$/;

/** NetworkManager's profiles (nm-settings-keyfile(5)) for Ethernet NICs that are activated automatically. */
export async function readNetworkManager(files: GuestTree): Promise<InterfaceUse[]> {
  const uses: InterfaceUse[] = [];
  for (const folder of FOLDERS) {
    for (const file of await files.find(folder, /^(?!\.).*(?<!~)$/)) {
      const use = readProfile((await files.read(file)) ?? '', file);
      if (use) uses.push(use);
    }
  }
  return uses;
}

function readProfile(text: string, file: string): InterfaceUse | undefined {
  const sections = readIni(text);
  const value = (names: RegExp, key: string): string | undefined =>
    sections.find(({ name, values }) => names.test(name) && values.has(key))?.values.get(key);
  const list = (names: RegExp, key: string): string[] | undefined => {
    const words =
      value(names, key)
        ?.split(/[;,\s]+/)
        .filter(Boolean) ?? [];
    return words.length === 0 ? undefined : words;
  };
  const type = value(/^connection$/, 'type');
  if (type === undefined || !ETHERNET.test(type) || value(/^connection$/, 'autoconnect') === 'false') return undefined;
  const name = value(/^connection$/, 'interface-name');
  if (name !== undefined && !isNicName(name)) return undefined;
  const mac = value(ETHERNET, 'mac-address');
  return {
    title: `the profile ${value(/^connection$/, 'id') ?? posix.basename(file)}`,
    file,
    line: lineOf(text, name === undefined ? /^\s*(mac-address|\[match\])/ : /^\s*interface-name\s*=/),
    match: {
      names:
        [...(name === undefined ? [] : [name]), ...(list(/^match$/, 'interface-name') ?? [])].length === 0
          ? undefined
          : [...(name === undefined ? [] : [name]), ...(list(/^match$/, 'interface-name') ?? [])],
      macs: mac === undefined ? undefined : [readMac(mac) ?? ''],
      drivers: list(/^match$/, 'driver'),
      paths: list(/^match$/, 'path'),
    },
    hasAddress: sections.some(
      ({ name: section, values }) =>
        /^ipv[46]$/.test(section) && [...values.keys()].some((key) => /^address(es)?\d*$/.test(key)),
    ),
    addresses: addressesIn([...text.matchAll(/^\s*address(?:es)?\d*\s*=(.*)$/gm)].map(([, written]) => written)),
  };
}
