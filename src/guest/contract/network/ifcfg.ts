import { posix } from 'node:path';
import type { GuestTree } from '../../guest-tree.ts';
import { nicNameOf, isNicName, readMac } from '../../inspect/interface-name.ts';
import { addressesIn, lineOf, type InterfaceUse } from './interface-use.ts';

/** Excludes the backup files of editors and package managers. */
const FILE = /^ifcfg-[\w.:@-]+(?<!\.(bak|old|orig|rpmnew|rpmsave|rpmorig|save))(?<!~)$/;
const VIRTUAL_KEYS = ['BONDING_MASTER', 'ETHERDEVICE', 'VLAN_ID', 'TUNNEL', 'BRIDGE_PORTS', 'BONDING_MODULE_OPTS'];

/**
 * The `ifcfg-NAME` files that are active at boot: of the Red Hat family's network scripts and NetworkManager, and of
 * SUSE's ifup and wicked.
 */
export async function readIfcfg(files: GuestTree): Promise<InterfaceUse[]> {
  const uses: InterfaceUse[] = [];
  for (const file of await files.find('/etc/sysconfig/network-scripts', FILE)) {
    const use = readRedHat(file, (await files.read(file)) ?? '');
    if (use) uses.push(use);
  }
  for (const file of await files.find('/etc/sysconfig/network', FILE))
    uses.push(...readSuse(file, (await files.read(file)) ?? ''));
  return uses;
}

/** `DEVICE` and `HWADDR` must both match the NIC. */
function readRedHat(file: string, text: string): InterfaceUse | undefined {
  const value = valuesOf(text);
  const type = value('TYPE')?.toLowerCase() ?? 'ethernet';
  if (/^no$/i.test(value('ONBOOT') ?? '') || type !== 'ethernet' || isVirtual(value)) return undefined;
  const mac = readMac(value('HWADDR'));
  const device = value('DEVICE') ?? (mac === undefined ? nameOf(file) : undefined);
  const name = device === undefined ? undefined : nicNameOf(device);
  if (name !== undefined && !isNicName(name)) return undefined;
  return {
    title: name ?? nameOf(file),
    file,
    line: lineOf(text, /^\s*(DEVICE|HWADDR)=/),
    match: { names: name === undefined ? undefined : [name], macs: mac === undefined ? undefined : [mac] },
    hasAddress: hasAddress(value),
    addresses: addressesOf(text),
  };
}

/**
 * The file name identifies the NIC; on SLES 10 it contains the MAC address or the PCI address. A bond names its NICs.
 */
function readSuse(file: string, text: string): InterfaceUse[] {
  const value = valuesOf(text);
  if (/^(off|manual)$/i.test(value('STARTMODE') ?? '')) return [];
  const line = lineOf(text, /^\s*(BOOTPROTO|IPADDR|BONDING_MASTER)=/);
  const use = { file, line, hasAddress: hasAddress(value), addresses: addressesOf(text) };
  const ports = [...text.matchAll(/^\s*BONDING_SLAVE_?\w*=["']?([\w.-]+)/gm)].map(([, port = '']) => port);
  const bridged = value('BRIDGE_PORTS')?.split(/\s+/) ?? [];
  const below = [...ports, ...bridged, ...(value('ETHERDEVICE') === undefined ? [] : [value('ETHERDEVICE') ?? ''])];
  if (below.length > 0)
    return below.filter(isNicName).map((name) => ({ ...use, title: name, match: { names: [name] } }));
  const name = nameOf(file);
  const mac = readMac(/^eth-id-(.+)$/.exec(name)?.[1]);
  if (mac !== undefined) return [{ ...use, title: name, match: { macs: [mac] } }];
  const [, address] = /^(?:eth-)?bus-pci-(.+)$/.exec(name) ?? [];
  if (address !== undefined) return [{ ...use, title: name, match: { paths: [`pci-${address}`] } }];
  const nicName = nicNameOf(name);
  return isVirtual(value) || !isNicName(nicName) ? [] : [{ ...use, title: nicName, match: { names: [nicName] } }];
}

function valuesOf(text: string): (key: string) => string | undefined {
  const values = new Map(
    [...text.matchAll(/^\s*(\w+)=(?:"([^"\n]*)"|'([^'\n]*)'|([^\s#]*))/gm)].map(([, key = '', a, b, c]) => [
      key,
      (a ?? b ?? c ?? '').trim(),
    ]),
  );
  return (key) => {
    const value = values.get(key);
    return value === '' ? undefined : value;
  };
}

function isVirtual(value: (key: string) => string | undefined): boolean {
  return VIRTUAL_KEYS.some((key) => value(key) !== undefined) || value('BRIDGE') === 'yes' || value('VLAN') === 'yes';
}

function hasAddress(value: (key: string) => string | undefined): boolean {
  return ['IPADDR', 'IPADDR0', 'IPADDR_0', 'IPV6ADDR'].some((key) => value(key) !== undefined);
}

function addressesOf(text: string): string[] {
  const lines = text.matchAll(/^\s*(?:IPADDR\w*|IPV6ADDR)=["']?([^"'\n]*)/gm);
  return addressesIn([...lines].map(([, value]) => value));
}

function nameOf(file: string): string {
  return posix.basename(file).replace(/^ifcfg-/, '');
}
