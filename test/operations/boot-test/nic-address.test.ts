import { expect, test } from '@jest/globals';
import type { AddressOrigin, GuestNet } from '../../../src/base/guest-net.ts';
import { bootTestReport } from '../../../src/cli/report/boot-test-report.ts';
import type { NicTraffic } from '../../../src/guest/boot/observe/nic-traffic.ts';
import { addressDifferences, problemOf } from '../../../src/operations/boot-test/boot-problem.ts';
import { awaited, judgeAddress, knownAddresses } from '../../../src/operations/boot-test/nic-address.ts';
import type { BootTestNic, BootTestResult } from '../../../src/operations/boot-test/types.ts';

const [A, B] = ['00:50:56:00:00:0a', '00:50:56:00:00:0b'] as const;
type Origins = Record<string, AddressOrigin>;

function guestNetOf(addresses: Origins): GuestNet {
  const nic = { mac: A, gateways: [], dns: [] };
  return {
    nics: [{ ...nic, addresses: Object.entries(addresses).map(([address, origin]) => ({ address, origin })) }],
  };
}

function judge(onVmware: Origins, inFiles: string[], sent: Partial<NicTraffic>): [string, string, boolean] {
  const configured = inFiles.length === 0 ? undefined : [{ mac: A, addresses: inFiles }];
  const known = knownAddresses(A, guestNetOf(onVmware), configured);
  const traffic = { dhcp: false, addresses: [], arpTargets: [], ...sent };
  const ownerOf = (address: string): string | undefined => (address === '198.51.100.7' ? B : undefined);
  const { verdict, words, isDifferent } = judgeAddress(traffic, known, ownerOf);
  return [verdict, words, isDifferent];
}

const STATIC: Origins = { '192.0.2.10': 'manual' };
const LINUX: Origins = { '192.0.2.10': 'unknown', '2001:db8::1': 'unknown' };

test.each<[string, Origins, string[], Partial<NicTraffic>, [string, string, boolean]]>([
  ['the static address', STATIC, [], { addresses: ['192.0.2.10'] }, ['as-on-vmware', '192.0.2.10 as on VMware', false]],
  [
    'another address',
    STATIC,
    [],
    { addresses: ['192.0.2.99'] },
    ['other', 'other address 192.0.2.99 instead of 192.0.2.10', true],
  ],
  [
    'the address of another NIC',
    STATIC,
    [],
    { addresses: ['198.51.100.7'] },
    ['other', `other address 198.51.100.7, that of ${B}, instead of 192.0.2.10`, true],
  ],
  [
    'DHCP instead of a static address',
    STATIC,
    [],
    { dhcp: true, addresses: ['10.0.2.15'] },
    ['dhcp', 'asks DHCP instead of 192.0.2.10', true],
  ],
  [
    'DHCP of the initramfs, then the static address',
    STATIC,
    [],
    { dhcp: true, addresses: ['10.0.2.15', '192.0.2.10'] },
    ['as-on-vmware', '192.0.2.10 as on VMware', false],
  ],
  ['nothing', STATIC, [], {}, ['silent', 'silent: 192.0.2.10 not seen', true]],
  [
    'the IPv6 address only',
    { ...STATIC, '2001:db8::10': 'manual' },
    [],
    { addresses: ['2001:db8::10'] },
    ['silent', '192.0.2.10 not seen', true],
  ],
  [
    'a static IPv6 address that is missing next to IPv4 by DHCP',
    { '192.0.2.10': 'dhcp', '2001:db8::10': 'manual' },
    [],
    { dhcp: true },
    ['silent', 'silent: 2001:db8::10 not seen', true],
  ],
  [
    'one of two addresses: Linux announces no alias',
    { ...STATIC, '192.0.2.11': 'manual' },
    [],
    { addresses: ['192.0.2.11'] },
    ['as-on-vmware', '192.0.2.11 as on VMware', false],
  ],
  [
    'an address of the configuration, in another spelling',
    {},
    ['2001:db8:0::10'],
    { addresses: ['2001:db8::10'] },
    ['as-configured', '2001:db8::10 as configured', false],
  ],
  [
    'a configured address that Linux tools reported',
    LINUX,
    ['192.0.2.10'],
    { addresses: ['192.0.2.10'] },
    ['as-on-vmware', '192.0.2.10 as on VMware', false],
  ],
  [
    'another address on Linux',
    LINUX,
    [],
    { addresses: ['192.0.2.99', '2001:db8::1'] },
    ['other', 'other address 192.0.2.99 instead of 192.0.2.10', true],
  ],
  ['DHCP on Linux, which may be as before', LINUX, [], { dhcp: true }, ['dhcp', 'asks DHCP', false]],
  ['DHCP as before', { '192.0.2.10': 'dhcp' }, [], { dhcp: true }, ['as-on-vmware', 'asks DHCP as on VMware', false]],
  [
    'no DHCP any more',
    { '192.0.2.10': 'dhcp' },
    [],
    { addresses: ['192.0.2.99'] },
    ['other', 'other address 192.0.2.99 instead of 192.0.2.10', true],
  ],
  ['no DHCP and nothing else', { '192.0.2.10': 'dhcp' }, [], {}, ['silent', 'silent: 192.0.2.10 not seen', true]],
  [
    'a temporary IPv6 address comes and goes',
    { '2001:db8::dead': 'random', 'fe80::1': 'linklayer' },
    [],
    { addresses: ['2001:db8::beef'] },
    ['not-compared', 'uses 2001:db8::beef', false],
  ],
  ['nothing known and DHCP', {}, [], { dhcp: true }, ['not-compared', 'asks DHCP', false]],
  ['nothing known and nothing seen', {}, [], {}, ['not-compared', 'silent', false]],
])('%s', (_what, onVmware, inFiles, sent, found) => {
  expect(judge(onVmware, inFiles, sent)).toEqual(found);
});

test('a boot waits for static addresses, and for IPv4 addresses of unknown origin', () => {
  expect(awaited(knownAddresses(A, guestNetOf({ ...LINUX, '192.0.2.11': 'manual' }), undefined))).toEqual([
    '192.0.2.11',
  ]);
  expect(awaited(knownAddresses(A, guestNetOf(LINUX), undefined))).toEqual(['192.0.2.10']);
  expect(awaited(knownAddresses(A, guestNetOf({ '192.0.2.10': 'dhcp' }), undefined))).toEqual([]);
  expect(awaited(knownAddresses(B, undefined, undefined))).toEqual([]);
});

const SAME = {
  verdict: 'as-on-vmware',
  expected: ['192.0.2.10'],
  isDifferent: false,
  words: '192.0.2.10 as on VMware',
};
const OTHER = {
  verdict: 'other',
  expected: ['198.51.100.7'],
  isDifferent: true,
  words: 'other address 198.51.100.99 instead of 198.51.100.7',
};
const UNKNOWN = { verdict: 'not-compared', expected: [], isDifferent: false, words: 'uses 192.0.2.10' };

function bootedWith(...addresses: BootTestNic['address'][]): BootTestResult {
  const nic = { model: 'virtio-net-pci', firstFrameSeconds: 8, configured: null };
  const sent = { dhcp: false, addresses: ['192.0.2.10'], arpTargets: [] };
  return {
    target: 'web.xml',
    name: 'web',
    verdict: 'booted',
    networkUp: true,
    seconds: 20,
    accelerator: 'kvm',
    firmware: 'bios',
    loginPromptSeconds: 10,
    guestAgentSeconds: null,
    nics: addresses.map((address, index) => ({ ...nic, mac: [A, B][index] ?? '', sent, address })),
    restarts: 0,
    failedUnits: [],
    lastLines: [],
    picture: null,
    serialLog: '/log',
    job: '1',
    warnings: [],
  };
}
const one = (address: object): BootTestNic['address'] => ({ ...UNKNOWN, ...address }) as BootTestNic['address'];

test('a difference is a warning, and with --boot-test-addresses a problem; so is an address that is not known', () => {
  const different = bootedWith(one(SAME), one(OTHER));
  expect(addressDifferences(different)).toEqual([`The NIC ${B}: other address 198.51.100.99 instead of 198.51.100.7.`]);
  expect(addressDifferences({ ...different, verdict: 'no-sign' })).toEqual([]);
  const problem = (result: BootTestResult, isRequired: boolean): string | undefined =>
    problemOf(result, { isDisk: false }, isRequired)?.message;
  expect(problem(different, false)).toBeUndefined();
  expect(problem(different, true)).toBe(
    `web came up with other addresses than expected. The NIC ${B}: other address 198.51.100.99 instead of 198.51.100.7.`,
  );
  expect(problem(bootedWith(one(SAME), one(UNKNOWN)), true)).toBeUndefined();
  expect(problem(bootedWith(one(UNKNOWN)), false)).toBeUndefined();
  expect(problem(bootedWith(one(UNKNOWN)), true)).toMatch(/no addresses to compare/);
  expect(problem(bootedWith(), true)).toBeUndefined();
});

test.each<[number, string[]]>([
  [
    40,
    [
      '  NIC                IN THE BOOT TEST',
      '  00:50:56:00:00:0a  192.0.2.10 as on',
      '                     VMware',
      '  00:50:56:00:00:0b  other address',
      '                     198.51.100.99',
      '                     instead of',
      '                     198.51.100.7',
    ],
  ],
  [
    80,
    [
      '  NIC                EXPECTED      IN THE BOOT TEST',
      '  00:50:56:00:00:0a  192.0.2.10    192.0.2.10 as on VMware',
      '  00:50:56:00:00:0b  198.51.100.7  other address 198.51.100.99 instead of',
      '                                   198.51.100.7',
    ],
  ],
  [
    120,
    [
      '  NIC                EXPECTED      IN THE BOOT TEST',
      '  00:50:56:00:00:0a  192.0.2.10    192.0.2.10 as on VMware',
      '  00:50:56:00:00:0b  198.51.100.7  other address 198.51.100.99 instead of 198.51.100.7',
    ],
  ],
])('the table in %s columns', (width, table) => {
  const lines = bootTestReport(bootedWith(one(SAME), one(OTHER)), width);
  const start = lines.findIndex((line) => line.startsWith('  NIC '));
  expect(lines.slice(start, start + table.length)).toEqual(table);
});

test('without anything to compare there is no table', () => {
  expect(bootTestReport(bootedWith(one(UNKNOWN)), 80).join('\n')).not.toContain('IN THE BOOT TEST');
});
