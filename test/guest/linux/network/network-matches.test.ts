import { expect, test } from '@jest/globals';
import { rewriteNetplanMatch } from '../../../../src/guest/linux/network/match/netplan-match.ts';
import {
  rewriteDeviceLists,
  rewriteKeyfileMatch,
} from '../../../../src/guest/linux/network/match/network-manager-match.ts';
import { rewriteNetworkdMatch } from '../../../../src/guest/linux/network/match/networkd-match.ts';
import { globPattern, sourceNics } from '../../../../src/guest/linux/network/match/source-nics.ts';
import { rewriteUdevMatch } from '../../../../src/guest/linux/network/match/udev-match.ts';

const [A, B, C] = ['00:50:56:00:00:0a', '00:50:56:00:00:0b', '00:50:56:00:00:0c'];
/** Two vmxnet3 NICs, after an Intel NIC. */
const NICS = sourceNics([
  { mac: C, model: 'e1000', pciSlotNumber: 33 },
  { mac: A, model: 'vmxnet3', pciSlotNumber: 192 },
  { mac: B, model: 'vmxnet3', pciSlotNumber: 224 },
]);
const [INTEL] = NICS;
const ONE = NICS.slice(0, 2);
const UNKNOWN = sourceNics([{ mac: A }]);

test.each([
  [
    'a driver',
    '[Match]\nDriver=vmxnet3\n\n[Network]\nDHCP=yes\n',
    `[Match]\nMACAddress=${A} ${B}\nType=ether\n\n[Network]\nDHCP=yes\n`,
  ],
  ['a pattern and a type', '[Match]\nType=ether\nDriver = vmx*\n', `[Match]\nType=ether\nMACAddress=${A} ${B}\n`],
  [
    'a path',
    '[Match]\nPath=pci-0000:0b:00.0\n[Link]\nName=lan0\n',
    `[Match]\nMACAddress=${A}\nType=ether\n[Link]\nName=lan0\n`,
  ],
  ['both', '[Match]\nDriver=vmxnet3\nPath=pci-0000:13:*\n', `[Match]\nMACAddress=${B}\nType=ether\n`],
  ['what it is not', '[Match]\nDriver=!e1000\n', `[Match]\nMACAddress=${A} ${B}\nType=ether\n`],
  ['an address that is there', `[Match]\nMACAddress=${B}\nDriver=vmxnet3\n`, `[Match]\nMACAddress=${B}\n`],
  ['line ends of Windows', '[Match]\r\nDriver=e1000\r\n', `[Match]\r\nMACAddress=${C}\r\nType=ether\r\n`],
])('networkd: %s', (_what, before, after) => {
  expect(rewriteNetworkdMatch(before, NICS)).toMatchObject({ text: after, problems: [] });
});

test.each([
  '[Match]\nName=ens192\n',
  '[Match]\nDriver=virtio_net\n',
  '[Network]\nDriver=vmxnet3\n',
  '# Driver=vmxnet3\n[Match]\nName=*\n',
])('networkd: %j stays', (text) => {
  expect(rewriteNetworkdMatch(text, NICS)).toEqual({ text, details: [], problems: [] });
});

test('what the source does not contain is a problem, and changes nothing', () => {
  const text = '[Match]\nDriver=vmxnet3\n';
  const { text: after, problems } = rewriteNetworkdMatch(text, UNKNOWN);
  expect(after).toBe(text);
  expect(problems).toEqual([expect.stringContaining('models')]);
  expect(rewriteNetworkdMatch(text, []).problems).toEqual([expect.stringContaining('not known')]);
  expect(rewriteNetworkdMatch(text, sourceNics([{ mac: undefined, model: 'vmxnet3' }])).problems).toEqual([
    expect.stringContaining('MAC'),
  ]);
});

const NETPLAN = `# Kept: \u00c3\u00bc
network:
    version: 2
    ethernets:
        uplink:   # the first
            match:
                driver: vmxnet3   # VMware's
                name: "en*"
            dhcp4: yes
            addresses: [ 10.0.0.2/24 ]

    # after it
    bridges: {}
`;

test('netplan: only the line of the driver is another one', () => {
  expect(rewriteNetplanMatch(NETPLAN, ONE)).toEqual({
    text: NETPLAN.replace('driver: vmxnet3', `macaddress: "${A}"`),
    details: [`driver: vmxnet3 of uplink → macaddress: ${A}`],
    problems: [],
  });
});

test('netplan: a definition for several NICs is repeated for each', () => {
  const { text, problems } = rewriteNetplanMatch(NETPLAN, NICS);
  expect(problems).toEqual([]);
  expect(text).toBe(`# Kept: \u00c3\u00bc
network:
    version: 2
    ethernets:
        uplink:   # the first
            match:
                macaddress: "${A}"   # VMware's
                name: "en*"
            dhcp4: yes
            addresses: [ 10.0.0.2/24 ]
        "uplink-2":   # the first
            match:
                macaddress: "${B}"   # VMware's
                name: "en*"
            dhcp4: yes
            addresses: [ 10.0.0.2/24 ]

    # after it
    bridges: {}
`);
});

test.each([
  [
    'in braces',
    'network: {ethernets: {a: {match: {driver: vmxnet3}, dhcp4: yes}}}\n',
    `network: {ethernets: {a: {match: {macaddress: "${A}"}, dhcp4: yes}}}\n`,
  ],
  [
    'a list',
    'network:\n  ethernets:\n    a:\n      match:\n        driver:\n          - vmxnet3\n          - hv_netvsc\n      dhcp4: true\n',
    `network:\n  ethernets:\n    a:\n      match:\n        macaddress: "${A}"\n      dhcp4: true\n`,
  ],
  [
    'a list in brackets, at the end of the file',
    'network:\n  ethernets:\n    a:\n      match:\n        driver: ["vmx*", e1000e]',
    `network:\n  ethernets:\n    a:\n      match:\n        macaddress: "${A}"`,
  ],
  [
    'an address that is there',
    `network:\n  ethernets:\n    a:\n      match:\n        driver: vmxnet3\n        macaddress: ${A}\n      set-name: lan0\n`,
    `network:\n  ethernets:\n    a:\n      match:\n        macaddress: ${A}\n      set-name: lan0\n`,
  ],
  [
    'such an address in braces',
    `network:\n  ethernets:\n    a:\n      match: {macaddress: "${A}", driver: vmxnet3}\n`,
    `network:\n  ethernets:\n    a:\n      match: {macaddress: "${A}"}\n`,
  ],
])('netplan: %s', (_what, before, after) => {
  expect(rewriteNetplanMatch(before, ONE)).toMatchObject({ text: after, problems: [] });
});

test('netplan: what cannot be repeated stays, and is reported', () => {
  const problemOf = (text: string): string => {
    const { text: after, problems } = rewriteNetplanMatch(text, NICS);
    expect(after).toBe(text);
    return problems.join();
  };
  const definition = 'network:\n  ethernets:\n    all:\n      match:\n        driver: vmxnet3\n';
  expect(problemOf(`${definition}  bridges:\n    br0:\n      interfaces: [all]\n`)).toContain(
    'other definitions use all',
  );
  expect(problemOf(`${definition}      set-name: lan0\n`)).toContain('one name');
  expect(problemOf('network:\n  ethernets: {a: {match: {driver: vmxnet3}}}\n')).toContain('braces');
  expect(problemOf('network:\n  ethernets: [driver\n')).toContain('YAML');
  expect(problemOf(definition.replace('vmxnet3', 'virtio_net'))).toBe('');
});

const KEYFILE = '[connection]\nid=Wired\ntype=ethernet\n\n[match]\ndriver=vmxnet3;\n\n[ipv4]\nmethod=auto\n';

test('NetworkManager: a profile for one NIC has its address', () => {
  expect(rewriteKeyfileMatch(KEYFILE, ONE).text).toBe(
    `[connection]\nid=Wired\ntype=ethernet\n\n[match]\n\n[ipv4]\nmethod=auto\n\n[ethernet]\nmac-address=${A}\n`,
  );
  const withSection = '[ethernet]\nmtu=9000\n[match]\ndriver=!e1000\npath=pci-0000:13:00.0\n';
  expect(rewriteKeyfileMatch(withSection, NICS).text).toBe(`[ethernet]\nmac-address=${B}\nmtu=9000\n[match]\n`);
});

test('NetworkManager: a profile for several NICs excludes the others', () => {
  expect(rewriteKeyfileMatch(KEYFILE, NICS).text).toContain(`[ethernet]\nmac-address-blacklist=${C};\n`);
  const all = rewriteKeyfileMatch(KEYFILE, NICS.slice(1)).text;
  expect(all).toBe(KEYFILE.replace('driver=vmxnet3;\n', ''));
  expect(rewriteKeyfileMatch(KEYFILE, UNKNOWN)).toMatchObject({ text: KEYFILE, problems: [expect.any(String)] });
  expect(rewriteKeyfileMatch(KEYFILE, INTEL === undefined ? [] : [INTEL])).toEqual({
    text: KEYFILE,
    details: [],
    problems: [],
  });
});

test('NetworkManager: drivers in lists of devices', () => {
  const text =
    '[device-vmw]\nmatch-device=driver:vmxnet3\nwifi.x=driver:vmxnet3\n[keyfile]\nunmanaged-devices=interface-name:br*;except:driver:vmxnet3/1.7;driver:virtio_net\n';
  expect(rewriteDeviceLists(text, NICS).text).toBe(
    `[device-vmw]\nmatch-device=mac:${A},mac:${B}\nwifi.x=driver:vmxnet3\n[keyfile]\nunmanaged-devices=interface-name:br*;except:mac:${A};except:mac:${B};driver:virtio_net\n`,
  );
});

test.each([
  [
    'a driver',
    'SUBSYSTEM=="net", ACTION=="add", DRIVERS=="vmxnet3", RUN+="/sbin/tune"\n',
    `SUBSYSTEM=="net", ACTION=="add", ATTR{address}=="${A}|${B}", RUN+="/sbin/tune"\n`,
  ],
  [
    'a PCI address',
    'SUBSYSTEM=="net", KERNELS=="0000:13:00.0", NAME="lan0"\n',
    `SUBSYSTEM=="net", ATTR{address}=="${B}", NAME="lan0"\n`,
  ],
  [
    'vendor and device, over two lines',
    '# one\nKERNEL=="eth*", ATTRS{vendor}=="0x8086", \\\n  ATTRS{device}=="0x100F", NAME="lan0"\n',
    `# one\nKERNEL=="eth*", ATTR{address}=="${C}", \\\n  NAME="lan0"\n`,
  ],
  [
    'an address that is there',
    `SUBSYSTEM=="net", DRIVERS=="vmxnet3", ATTR{address}=="${A}", NAME="lan0"\n`,
    `SUBSYSTEM=="net", ATTR{address}=="${A}", NAME="lan0"\n`,
  ],
  [
    'what it is not',
    'SUBSYSTEM=="net", ENV{ID_NET_DRIVER}!="vmxnet3", NAME="x"',
    `SUBSYSTEM=="net", ATTR{address}=="${C}", NAME="x"`,
  ],
])('udev: %s', (_what, before, after) => {
  expect(rewriteUdevMatch(before, NICS)).toMatchObject({ text: after, problems: [] });
});

test.each([
  'SUBSYSTEM=="block", DRIVERS=="vmw_pvscsi", SYMLINK+="x"\n',
  `SUBSYSTEM=="net", DRIVERS=="?*", ATTR{address}=="${A}", NAME="eth0"\n`,
  '#SUBSYSTEM=="net", DRIVERS=="vmxnet3", NAME="x"\n',
  'SUBSYSTEM=="net", DRIVERS=="virtio_net", NAME="x"\n',
])('udev: %j stays', (text) => {
  expect(rewriteUdevMatch(text, NICS)).toEqual({ text, details: [], problems: [] });
});

test('patterns are those of the shell', () => {
  expect(globPattern('e1000*').test('e1000e')).toBe(true);
  expect(globPattern('e1000?').test('e1000')).toBe(false);
  expect(globPattern('[!v]*3').test('vmxnet3')).toBe(false);
  expect(globPattern('a.c').test('abc')).toBe(false);
  expect(globPattern('[').test('[')).toBe(true);
});
