import { expect, test } from '@jest/globals';
import type { AddressOrigin, GuestNet } from '../../../src/base/guest-net.ts';
import { overallVerdict, type BootReport } from '../../../src/guest/contract/boot-check.ts';
import { checkNetwork } from '../../../src/guest/contract/network.ts';
import { addressWarnings } from '../../../src/operations/fix-guest/address-warnings.ts';
import { guestWith, LAN, link, WAN } from '../../guest/contract/network/contract.ts';
import type { TreeContent } from '../../guest/contract/tree-of-files.ts';

async function reportOf(content: TreeContent): Promise<BootReport> {
  const checks = await checkNetwork(guestWith(content));
  return { verdict: overallVerdict(checks), checks };
}

function guestNetOf(address: string, origin: AddressOrigin, { mac = '' } = LAN): GuestNet {
  return { nics: [{ mac, addresses: [{ address, prefix: 24, origin }], gateways: [], dns: [] }] };
}

const NETWORKD = { '/etc/systemd/system/multi-user.target.wants/systemd-networkd.service': { link: '/lib/x' } };
const SCRIPTS = '/etc/sysconfig/network-scripts/ifcfg-lan';

/** A configuration by the name of the NIC on VMware, in each format. */
test.each<[string, string, (name: string) => string, string, TreeContent]>([
  [
    'NetworkManager',
    '/etc/NetworkManager/system-connections/lan.nmconnection',
    (name) =>
      `[connection]\nid=lan\ntype=ethernet\ninterface-name=${name}\n[ipv4]\nmethod=manual\naddress1=192.0.2.10/24,192.0.2.1\naddress2=192.0.2.11/24\n[ipv6]\naddress1=2001:DB8:0::10/64\n`,
    '192.0.2.10, 192.0.2.11, 2001:db8::10',
    {},
  ],
  [
    'netplan',
    '/etc/netplan/01.yaml',
    (name) =>
      `network:\n  ethernets:\n    ${name}:\n      addresses:\n        - 192.0.2.10/24\n        - "2001:db8::10/64"\n`,
    '192.0.2.10, 2001:db8::10',
    {},
  ],
  [
    'networkd',
    '/etc/systemd/network/10-lan.network',
    (name) =>
      `[Match]\nName=${name}\n\n[Network]\nAddress=192.0.2.10/24\nAddress=192.0.2.11/24\n\n[Address]\nAddress=2001:db8::10/64\n`,
    '192.0.2.10, 192.0.2.11, 2001:db8::10',
    NETWORKD,
  ],
  [
    'ifupdown',
    '/etc/network/interfaces',
    (name) =>
      `auto lo ${name}\niface lo inet loopback\niface ${name} inet static\n  address 192.0.2.10/24\n  gateway 192.0.2.1\n`,
    '192.0.2.10',
    {},
  ],
  [
    'ifcfg of the Red Hat family',
    SCRIPTS,
    (name) =>
      `DEVICE=${name}\nONBOOT=yes\nIPADDR="192.0.2.10"\nPREFIX=24\nIPADDR1=192.0.2.11\nIPV6ADDR=2001:db8::10/64\n`,
    '192.0.2.10, 192.0.2.11, 2001:db8::10',
    {},
  ],
])('%s: a static address whose configuration matches no NIC is a warning', async (_how, file, text, words, more) => {
  const lost = await reportOf({ [file]: text('ens192'), ...more });
  expect(addressWarnings(lost, [], undefined)).toEqual([
    expect.stringMatching(`^The static address ${words} is not set after the move: ${file}:\\d+: No NIC of the VM`),
  ]);
  const kept = await reportOf({ [file]: text('lan0'), ...link('lan0', LAN), ...more });
  expect(addressWarnings(kept, [], guestNetOf('192.0.2.10', 'manual'))).toEqual([]);
});

test('wicked: the name is that of the file', async () => {
  const text = "STARTMODE='auto'\nBOOTPROTO='static'\nIPADDR='192.0.2.10/24'\nIPADDR_1='192.0.2.11/24'\n";
  const lost = await reportOf({ '/etc/sysconfig/network/ifcfg-ens192': text });
  expect(addressWarnings(lost, [], undefined)).toEqual([
    expect.stringContaining('The static address 192.0.2.10, 192.0.2.11 is not set after the move'),
  ]);
  const kept = await reportOf({ '/etc/sysconfig/network/ifcfg-lan0': text, ...link('lan0', LAN) });
  expect(addressWarnings(kept, [], undefined)).toEqual([]);
});

test('DHCP is no static address, and what VMware did not have either does not count', async () => {
  const dhcp = 'auto ens192\niface ens192 inet dhcp\n';
  expect(addressWarnings(await reportOf({ '/etc/network/interfaces': dhcp }), [], undefined)).toEqual([]);
  const advisory = { area: 'network', file: '/a', reason: 'b', addresses: ['192.0.2.10'], isAdvisory: true } as const;
  const checks: BootReport['checks'] = [{ ...advisory, verdict: 'not-ready' }];
  expect(addressWarnings({ verdict: 'ready', checks }, [], undefined)).toEqual([]);
});

test('an address that cannot be judged, one for another NIC, and one that nobody configures', async () => {
  const any = '[connection]\nid=lan\ntype=ethernet\n[ipv4]\nmethod=manual\naddress1=192.0.2.10/24\n';
  const file = '/etc/NetworkManager/system-connections/lan';
  const checks = await checkNetwork(guestWith({ [file]: any }, [LAN, WAN]));
  expect(addressWarnings({ verdict: 'unknown', checks }, [], undefined)).toEqual([
    expect.stringMatching(/^Whether the static address 192\.0\.2\.10 is set after the move cannot be judged: /),
  ]);
  const none: BootReport = { verdict: 'ready', checks: [] };
  const configured = [{ mac: WAN.mac ?? '', addresses: ['192.0.2.10'] }];
  expect(addressWarnings(none, configured, guestNetOf('192.0.2.10', 'unknown'))).toEqual([
    `192.0.2.10 was on the NIC ${LAN.mac} on VMware, and is configured for ${WAN.mac}.`,
  ]);
  expect(addressWarnings(none, configured, guestNetOf('192.0.2.10', 'unknown', WAN))).toEqual([]);
  expect(addressWarnings(none, [], guestNetOf('192.0.2.10', 'manual'))).toEqual([
    `192.0.2.10 of the NIC ${LAN.mac} is static on VMware, and was found in no configuration of the guest.`,
  ]);
  // DHCP, or a static address: tools of Linux do not tell.
  expect(addressWarnings(none, [], guestNetOf('192.0.2.10', 'unknown'))).toEqual([]);
});
