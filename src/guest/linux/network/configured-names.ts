import type { GuestTree } from '../../guest-tree.ts';
import { ifcfgNames, udevRuleNames } from './ifcfg.ts';
import { ifupdownNames } from './ifupdown.ts';
import { iniValue, readIni } from '../../inspect/ini.ts';
import { isNicName, readMac, type InterfaceName } from '../../inspect/interface-name.ts';
import { linkNames, networkdNames } from './networkd.ts';
import { netplanNames } from './netplan.ts';

type Reader = (text: string, fileName: string) => InterfaceName[];

interface Place {
  folder: string;
  names: RegExp;
  read: Reader;
}

/** The network configuration files of the distributions. */
const PLACES: readonly Place[] = [
  { folder: '/etc/network', names: /^interfaces$/, read: ifupdownNames },
  { folder: '/etc/network/interfaces.d', names: /^[\w.-]+$/, read: ifupdownNames },
  { folder: '/etc/netplan', names: /\.yaml$/, read: netplanNames },
  { folder: '/etc/systemd/network', names: /\.network$/, read: (text) => networkdNames(text).names },
  { folder: '/etc/systemd/network', names: /\.link$/, read: linkNames },
  { folder: '/etc/NetworkManager/system-connections', names: /^(?!.*~$)/, read: networkManagerNames },
  {
    folder: '/etc/sysconfig/network-scripts',
    names: /^ifcfg-[\w.:-]+(?<!\.(bak|old|orig|rpmnew|rpmsave))$/,
    read: (text, name) => ifcfgNames(name, text),
  },
  {
    folder: '/etc/sysconfig/network',
    names: /^ifcfg-[\w.:-]+(?<!\.(bak|old|orig|rpmnew|rpmsave))$/,
    read: (text, name) => ifcfgNames(name, text),
  },
  { folder: '/etc/udev/rules.d', names: /\.rules$/, read: udevRuleNames },
];

/** No network configuration has more files. */
const MOST_FILES = 200;

/**
 * Every NIC name in the guest's configurations, each once and in order, and networkd patterns that only old names may
 * match. `readText` returns the drafted text of a file.
 */
export async function configuredNames(
  files: Pick<GuestTree, 'find'>,
  readText: GuestTree['read'],
): Promise<{ names: InterfaceName[]; patterns: string[] }> {
  const found: InterfaceName[] = [];
  const patterns = new Set<string>();
  for (const { folder, names, read } of PLACES) {
    for (const path of (await files.find(folder, names)).slice(0, MOST_FILES)) {
      const text = (await readText(path)) ?? '';
      found.push(...read(text, path.slice(folder.length + 1)));
      if (path.endsWith('.network')) for (const pattern of networkdNames(text).patterns) patterns.add(pattern);
    }
  }
  return { names: mergeNames(found), patterns: [...patterns] };
}

/** Combines the data that several files contain about a name. */
export function mergeNames(found: readonly InterfaceName[]): InterfaceName[] {
  const merged = new Map<string, InterfaceName>();
  for (const { name, mac, bound } of found) {
    const known = merged.get(name);
    merged.set(name, { name, mac: mac ?? known?.mac, bound: (bound ?? false) || (known?.bound ?? false) });
  }
  return [...merged.values()];
}

/** The NIC of a NetworkManager keyfile. A keyfile that contains only the MAC address needs no name. */
export function networkManagerNames(text: string): InterfaceName[] {
  const sections = readIni(text);
  const type = iniValue(sections, 'connection', 'type');
  if (type !== undefined && !['ethernet', '802-3-ethernet'].includes(type)) return [];
  const name = iniValue(sections, 'connection', 'interface-name');
  const address = iniValue(sections, 'ethernet', 'mac-address') ?? iniValue(sections, '802-3-ethernet', 'mac-address');
  return name !== undefined && isNicName(name) ? [{ name, mac: readMac(address) }] : [];
}
