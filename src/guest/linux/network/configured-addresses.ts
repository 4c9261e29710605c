import { isMap, isScalar, isSeq, parseDocument } from 'yaml';
import type { GuestTree } from '../../guest-tree.ts';
import { nicNameOf, isNicName, readMac } from '../../inspect/interface-name.ts';
import type { ConfiguredNic } from '../../change.ts';
import type { Binding } from './match-nics.ts';

/** One configuration: the NIC, by name or MAC address, and the static addresses. */
interface Entry {
  name?: string | undefined;
  mac?: string | undefined;
  addresses: string[];
}

interface Place {
  folder: string;
  names: RegExp;
  read: (text: string, fileName: string) => Entry[];
}

const IFCFG = /^ifcfg-[\w.:-]+(?<!\.(bak|old|orig|rpmnew|rpmsave))$/;
const PLACES: readonly Place[] = [
  { folder: '/etc/network', names: /^interfaces$/, read: ofIfupdown },
  { folder: '/etc/network/interfaces.d', names: /^[\w.-]+$/, read: ofIfupdown },
  { folder: '/etc/netplan', names: /\.yaml$/, read: ofNetplan },
  { folder: '/etc/systemd/network', names: /\.network$/, read: ofIni },
  { folder: '/etc/NetworkManager/system-connections', names: /^(?!.*~$)/, read: ofIni },
  { folder: '/etc/sysconfig/network-scripts', names: IFCFG, read: ofIfcfg },
  { folder: '/etc/sysconfig/network', names: IFCFG, read: ofIfcfg },
];

/** No network configuration has more files. */
const MOST_FILES = 200;

/**
 * The static addresses of each NIC in the guest's configuration, to compare with the addresses that the NICs send
 * from. `named` maps names to NICs. Configurations of VLANs, bridges and bonds are left out, and so are NICs matched
 * by patterns.
 */
export async function configuredNics(
  files: Pick<GuestTree, 'find'>,
  readText: GuestTree['read'],
  named: readonly Binding[],
): Promise<ConfiguredNic[]> {
  const entries: Entry[] = [];
  for (const { folder, names, read } of PLACES) {
    for (const path of (await files.find(folder, names)).slice(0, MOST_FILES)) {
      entries.push(...read((await readText(path)) ?? '', path.slice(folder.length + 1)));
    }
  }
  const nics = new Map<string, ConfiguredNic>();
  for (const entry of entries) {
    const mac = entry.mac ?? named.find(({ name }) => name === entry.name)?.mac;
    const addresses = entry.addresses.flatMap((text) => plainAddress(text) ?? []);
    if (mac === undefined || addresses.length === 0) continue;
    const known = nics.get(mac) ?? { mac, name: entry.name, addresses: [] };
    nics.set(mac, { ...known, addresses: [...new Set([...known.addresses, ...addresses])] });
  }
  return [...nics.values()];
}

/** `192.0.2.10/24,192.0.2.1` is an address, its prefix length and a gateway. */
function plainAddress(text: string): string | undefined {
  const [address = ''] = text
    .trim()
    .replace(/^["']/, '')
    .split(/[/,;"'\s]/, 1);
  if (/^(\d{1,3}\.){3}\d{1,3}$/.test(address)) return address;
  return /^[0-9a-f:]*:[0-9a-f:.]+$/i.test(address) ? address.toLowerCase() : undefined;
}

function ofIfupdown(text: string): Entry[] {
  const entries: Entry[] = [];
  let current: Entry | undefined;
  for (const line of text.replaceAll('\\\n', ' ').split('\n')) {
    const [word = '', value = ''] = line.trim().split(/\s+/);
    if (['iface', 'auto', 'source', 'mapping'].includes(word) || word.startsWith('allow-')) current = undefined;
    // `eth0:1` is an alias of the NIC; `eth0.7` is a VLAN.
    if (word === 'iface' && !value.includes('.') && isNicName(nicNameOf(value))) {
      current = { name: nicNameOf(value), addresses: [] };
      entries.push(current);
    }
    if (word === 'address') current?.addresses.push(value);
  }
  return entries;
}

function ofIfcfg(text: string, fileName: string): Entry[] {
  const values = [...text.matchAll(/^\s*([A-Z]\w*)=(.*)$/gm)].map(([, key = '', value = '']) => ({
    key,
    value: value.trim().replace(/^(["'])(.*)\1$/, '$2'),
  }));
  const valueOf = (name: string): string | undefined => values.find(({ key }) => key === name)?.value;
  const name = valueOf('DEVICE') ?? fileName.replace(/^ifcfg-/, '');
  const addresses = values.filter(({ key }) => /^(IPADDR(_?\w+)?|IPV6ADDR)$/.test(key)).map(({ value }) => value);
  return name.includes('.') || !isNicName(nicNameOf(name))
    ? []
    : [{ name: nicNameOf(name), mac: readMac(valueOf('HWADDR')), addresses }];
}

/** For networkd and NetworkManager, whose keys do not overlap. */
function ofIni(text: string): Entry[] {
  const valuesOf = (pattern: RegExp): string[] => [...text.matchAll(pattern)].map(([, value = '']) => value.trim());
  const [name] = valuesOf(/^\s*(?:Name|interface-name)\s*=(.*)$/gm);
  const [mac] = valuesOf(/^\s*(?:MACAddress|mac-address)\s*=(.*)$/gm);
  const addresses = valuesOf(/^\s*(?:Address|address\d+)\s*=(.*)$/gm);
  const type = valuesOf(/^\s*type\s*=(.*)$/gm)[0] ?? 'ethernet';
  if (!type.endsWith('ethernet')) return [];
  return [{ name: name !== undefined && isNicName(name) ? name : undefined, mac: readMac(mac), addresses }];
}

function ofNetplan(text: string): Entry[] {
  const document = parseDocument(text, { logLevel: 'silent', uniqueKeys: false });
  const ethernets = document.errors.length > 0 ? undefined : document.getIn(['network', 'ethernets'], true);
  if (!isMap(ethernets)) return [];
  return ethernets.items.flatMap(({ key, value }) => {
    if (!isScalar(key) || !isMap(value)) return [];
    const match = value.get('match', true);
    const mac = isMap(match) ? readMac(textOf(match.get('macaddress', true))) : undefined;
    const matched = isMap(match) ? textOf(match.get('name', true)) : String(key.value);
    const list = value.get('addresses', true);
    const addresses = isSeq(list)
      ? list.items.flatMap((item) => textOf(isMap(item) ? item.items[0]?.key : item) ?? [])
      : [];
    return [{ name: textOf(value.get('set-name', true)) ?? matched, mac, addresses }];
  });
}

function textOf(node: unknown): string | undefined {
  return isScalar(node) ? String(node.value) : undefined;
}
