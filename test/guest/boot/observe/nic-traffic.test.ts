import { expect, test } from '@jest/globals';
import { addFrame, isAddressed, noTraffic, type NicTraffic } from '../../../../src/guest/boot/observe/nic-traffic.ts';

const NIC = '00505600000a';
const ALL = 'ffffffffffff';
const bytesOf = (address: string): string => Buffer.from(address.split('.').map(Number)).toString('hex');

const arp = (operation: 1 | 2, sender: string, target: string): string =>
  `${ALL}${NIC}0806000108000604000${operation}${NIC}${bytesOf(sender)}000000000000${bytesOf(target)}`;
const ipv4 = (source: string, protocol: string, payload: string): string =>
  `${ALL}${NIC}08004500001c0000000040${protocol}0000${bytesOf(source)}${bytesOf('255.255.255.255')}${payload}`;
/** A UDP datagram from port 68 to port 67. */
const DHCP = ipv4('0.0.0.0', '11', '0044004300080000');
const ipv6 = (source: string, next: string, payload: string): string =>
  `3333ff000001${NIC}86dd600000000000${next}ff${source}${'ff02'.padEnd(32, '0')}${payload}`;
const NONE = '0'.repeat(32);
const GLOBAL = '20010db8000000000000000000000010';
const LINK_LOCAL = 'fe80000000000000025056fffe00000a';
const solicit = (target: string): string => `8700000000000000${target}`;

function trafficOf(...frames: string[]): NicTraffic {
  const traffic = noTraffic();
  for (const frame of frames) addFrame(traffic, Buffer.from(frame, 'hex'));
  return traffic;
}

test.each<[string, string, Partial<NicTraffic>]>([
  [
    'an ARP request for a gateway',
    arp(1, '192.0.2.10', '192.0.2.1'),
    { addresses: ['192.0.2.10'], arpTargets: ['192.0.2.1'] },
  ],
  ['an ARP announcement', arp(1, '192.0.2.10', '192.0.2.10'), { addresses: ['192.0.2.10'] }],
  ['an ARP probe', arp(1, '0.0.0.0', '192.0.2.10'), { addresses: ['192.0.2.10'] }],
  ['an ARP reply', arp(2, '192.0.2.10', '192.0.2.1'), { addresses: ['192.0.2.10'] }],
  ['a packet', ipv4('192.0.2.10', '01', '0800'), { addresses: ['192.0.2.10'] }],
  ['a DHCP request', DHCP, { dhcp: true }],
  ['other UDP', ipv4('192.0.2.10', '11', '0035004300080000'), { addresses: ['192.0.2.10'] }],
  ['a packet in a VLAN', ipv4('192.0.2.10', '01', '').replace('0800', '810000070800'), { addresses: ['192.0.2.10'] }],
  ['IPv6', ipv6(GLOBAL, '3a', '80000000'), { addresses: ['2001:db8::10'] }],
  ['a search for an IPv6 address in use', ipv6(NONE, '3a', solicit(GLOBAL)), { addresses: ['2001:db8::10'] }],
  [
    'an announcement of an IPv6 address, sent from the link-local one',
    ipv6(LINK_LOCAL, '3a', `8800000020000000${GLOBAL}`),
    { addresses: ['2001:db8::10'] },
  ],
  ['link-local IPv6', ipv6(LINK_LOCAL, '3a', '85000000'), {}],
  ['a search for a link-local address', ipv6(NONE, '3a', solicit(LINK_LOCAL)), {}],
  ['an unknown protocol', `${ALL}${NIC}88b5${'00'.repeat(46)}`, {}],
])('%s', (_what, frame, shown) => {
  expect(trafficOf(frame)).toEqual({ ...noTraffic(), ...shown });
  // Truncated frames yield less information, but no error.
  for (let length = 0; length < frame.length; length += 2) trafficOf(frame.slice(0, length));
});

test('each address is there once, and not more than a few', () => {
  expect(trafficOf(DHCP, arp(1, '192.0.2.10', '192.0.2.1'), arp(1, '192.0.2.10', '192.0.2.2'))).toEqual({
    dhcp: true,
    addresses: ['192.0.2.10'],
    arpTargets: ['192.0.2.1', '192.0.2.2'],
  });
  const scan = Array.from({ length: 100 }, (_frame, at) => arp(1, '192.0.2.10', `198.51.100.${at}`));
  expect(trafficOf(...scan).arpTargets).toHaveLength(16);
});

test('DHCP or an IPv4 address shows how a NIC is configured; IPv6 may be from anywhere', () => {
  expect(isAddressed(trafficOf(DHCP))).toBe(true);
  expect(isAddressed(trafficOf(arp(1, '0.0.0.0', '192.0.2.10')))).toBe(true);
  expect(isAddressed(trafficOf(ipv6(GLOBAL, '3a', '80000000')))).toBe(false);
  expect(isAddressed(noTraffic())).toBe(false);
});

test('with expected addresses, one of them has to be in use: an initramfs can ask for another one first', () => {
  const expected = ['192.0.2.10', '2001:db8::10'];
  expect(isAddressed(trafficOf(DHCP), expected)).toBe(false);
  expect(isAddressed(trafficOf(DHCP, arp(1, '192.0.2.99', '192.0.2.1')), expected)).toBe(false);
  expect(isAddressed(trafficOf(DHCP, arp(1, '192.0.2.10', '192.0.2.1')), expected)).toBe(true);
  expect(isAddressed(trafficOf(ipv6(NONE, '3a', solicit(GLOBAL))), expected)).toBe(true);
});
