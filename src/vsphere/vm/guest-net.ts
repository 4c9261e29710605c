import { isIP, isIPv4 } from 'node:net';
import {
  canonicalAddress,
  isAddressOrigin,
  isLocalAddress,
  type AddressOrigin,
  type GuestAddress,
  type GuestNetNic,
} from '../../base/guest-net.ts';
import { readProperties, type ObjectContent } from '../session/properties.ts';
import type { VsphereClient } from '../session/vsphere-client.ts';
import type { MoRef } from '../soap/wsdl-types.ts';
import type { XmlElement } from '../soap/xml-element.ts';

/** The addresses of a guest as VMware Tools report them, or why they are not known, as a sentence. */
export type GuestNetReading = { nics: GuestNetNic[] } | { reason: string };

const PATHS = [
  'runtime.powerState',
  'guest.toolsRunningStatus',
  'guest.net',
  'guest.ipStack',
  'config.hardware.device',
] as const;

/** States of an address that the guest cannot use (`NetIpConfigInfoIpAddressStatus`). */
const UNUSABLE = new Set(['invalid', 'inaccessible', 'duplicate']);

/**
 * Reads the addresses of a running guest. The server keeps the last values after VMware Tools have stopped, so values of
 * a guest without running tools are not returned.
 */
export async function readGuestNet(client: VsphereClient, vm: MoRef, signal: AbortSignal): Promise<GuestNetReading> {
  return decodeGuestNet(await readProperties(client, vm, PATHS, signal));
}

export function decodeGuestNet({
  properties,
  missing,
}: Pick<ObjectContent, 'properties' | 'missing'>): GuestNetReading {
  const unread = PATHS.find((path) => missing.has(path));
  if (unread !== undefined) return { reason: `The server does not return ${unread} (${missing.get(unread)}).` };
  const state = properties.get('runtime.powerState')?.text;
  const reported = properties.get('guest.net')?.elements ?? [];
  if (state !== 'poweredOn') return { reason: `The VM is ${state === 'suspended' ? 'suspended' : 'powered off'}.` };
  if (properties.get('guest.toolsRunningStatus')?.text !== 'guestToolsRunning') {
    const stale = reported.length > 0 ? ' What the server still has of them may be outdated, and is not used.' : '';
    return { reason: `VMware Tools are not running in the guest.${stale}` };
  }
  const cards = cardsOf(properties.get('config.hardware.device')?.elements ?? []);
  const stacks = properties.get('guest.ipStack')?.elements ?? [];
  const nics = cards.flatMap((card) => nicOf(card, reported, { cards, stacks }) ?? []);
  return nics.length > 0 ? { nics } : { reason: 'VMware Tools do not report a NIC of the VM.' };
}

interface Card {
  key: number;
  mac: string;
}

function cardsOf(devices: readonly XmlElement[]): Card[] {
  return devices
    .flatMap((device) => {
      const [key, mac] = [device.numberOf('key'), device.textOf('macAddress')?.toLowerCase()];
      return key === undefined || mac === undefined || mac === '' ? [] : [{ key, mac }];
    })
    .toSorted((a, b) => a.key - b.key);
}

/** Everything that is reported about one NIC: a bond, a VLAN or a bridge of the guest can have its MAC address too. */
function nicOf(
  { key, mac }: Card,
  reported: readonly XmlElement[],
  { cards, stacks }: { cards: readonly Card[]; stacks: readonly XmlElement[] },
): GuestNetNic | undefined {
  const isOwn = (entry: XmlElement): boolean => {
    const device = entry.numberOf('deviceConfigId') ?? -1;
    // Interfaces that the guest made, such as bridges of containers, have -1.
    return cards.some((card) => card.key === device)
      ? device === key
      : entry.textOf('macAddress')?.toLowerCase() === mac;
  };
  const own = reported.map((entry, index) => ({ entry, index })).filter(({ entry }) => isOwn(entry));
  const [first] = own;
  if (first === undefined) return undefined;
  const network = own.map(({ entry }) => entry.textOf('network')).find(Boolean);
  const servers = own.flatMap(({ entry }) => dnsOf(entry));
  return {
    mac,
    ...(network !== undefined && { network }),
    connected: own.some(({ entry }) => entry.isTrue('connected')),
    addresses: unique(
      own.flatMap(({ entry }) => addressesOf(entry)),
      ({ address }) => address,
    ),
    gateways: unique(own.flatMap(({ index }) => gatewaysOf(index, stacks))),
    dns: unique(servers.length > 0 ? servers : stacks.flatMap(dnsOf)),
  };
}

/** `ipConfig` has prefix and origin. Older tools report only the list of addresses. */
function addressesOf(entry: XmlElement): GuestAddress[] {
  const config = entry.find('ipConfig');
  const found =
    config === undefined
      ? entry.all('ipAddress').map(({ text }) => ({ text, prefix: undefined, origin: undefined }))
      : config
          .all('ipAddress')
          .filter((each) => !UNUSABLE.has(each.textOf('state') ?? ''))
          .map((each) => ({
            text: each.textOf('ipAddress') ?? '',
            prefix: each.numberOf('prefixLength'),
            origin: each.textOf('origin'),
          }));
  return found.flatMap(({ text, prefix, origin }) => {
    const address = usable(text);
    if (address === undefined) return [];
    return [{ address, ...(isPrefix(prefix, address) && { prefix }), origin: originOf(origin, address, config) }];
  });
}

function originOf(origin: string | undefined, address: string, config: XmlElement | undefined): AddressOrigin {
  if (isAddressOrigin(origin)) return origin;
  return isIPv4(address) && config?.find('dhcp.ipv4')?.isTrue('enable') === true ? 'dhcp' : 'unknown';
}

function isPrefix(prefix: number | undefined, address: string): prefix is number {
  return prefix !== undefined && prefix >= 0 && prefix <= (isIPv4(address) ? 32 : 128);
}

/** `gateway.device` is the index of the NIC in `guest.net`. */
function gatewaysOf(index: number, stacks: readonly XmlElement[]): string[] {
  return stacks
    .flatMap((stack) => stack.find('ipRouteConfig')?.all('ipRoute') ?? [])
    .filter((route) => route.numberOf('prefixLength') === 0 && route.textOf('gateway.device') === String(index))
    .flatMap((route) => gatewayOf(route.textOf('gateway.ipAddress') ?? '') ?? []);
}

/** The gateway of an IPv6 network is usually link-local. */
function gatewayOf(text: string): string | undefined {
  const address = canonicalAddress(text.trim());
  return isIP(address) === 0 || /^(0\.0\.0\.0|::)$/.test(address) ? undefined : address;
}

function dnsOf(entry: XmlElement): string[] {
  return (entry.find('dnsConfig')?.all('ipAddress') ?? []).flatMap(({ text }) => usable(text) ?? []);
}

/** Undefined for link-local and invalid addresses. */
function usable(text: string): string | undefined {
  const address = canonicalAddress(text.trim());
  return isIP(address) === 0 || isLocalAddress(address) ? undefined : address;
}

/** The first item of each key. */
function unique<T>(items: readonly T[], keyOf: (item: T) => unknown = (item) => item): T[] {
  return items.filter((item, index) => items.findIndex((other) => keyOf(other) === keyOf(item)) === index);
}
