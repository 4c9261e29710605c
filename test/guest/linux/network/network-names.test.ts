import { expect, test } from '@jest/globals';
import { mergeNames, networkManagerNames } from '../../../../src/guest/linux/network/configured-names.ts';
import { ifcfgNames, udevRuleNames } from '../../../../src/guest/linux/network/ifcfg.ts';
import { ifupdownNames } from '../../../../src/guest/linux/network/ifupdown.ts';
import { isNicName, readMac } from '../../../../src/guest/inspect/interface-name.ts';
import { matchNics } from '../../../../src/guest/linux/network/match-nics.ts';
import { netplanNames } from '../../../../src/guest/linux/network/netplan.ts';
import { linkNames, networkdNames } from '../../../../src/guest/linux/network/networkd.ts';
import { hasPredictableNames } from '../../../../src/guest/linux/network/predictable-names.ts';
import { treeOfFiles, type TreeContent } from '../../contract/tree-of-files.ts';

const MAC = '00:50:56:8a:01:01';
const [A, B] = [MAC, '00:50:56:8a:01:02'];

test.each([
  ['Debian', 'auto lo\niface lo inet loopback\n\nallow-hotplug ens192\niface ens192 inet dhcp\n', ['ens192']],
  [
    'several on a line, alias and VLAN',
    'auto eth0 eth1\niface eth0:1 inet static\niface eth1.100 inet manual\n',
    ['eth0', 'eth1'],
  ],
  ['a bridge with its port', 'auto br0\niface br0 inet dhcp\n  bridge_ports ens192\n', ['ens192']],
  ['an uplink that is named otherwise', 'auto lan\niface lan inet dhcp\n bridge-ports ens224 none\n', ['ens224']],
  ['a bond', 'iface bond0 inet dhcp\n bond-slaves ens192 ens224\n', ['ens192', 'ens224']],
  ['a VLAN of its own name', 'iface office inet dhcp\n vlan-raw-device ens192\n', ['ens192']],
  ['a line that goes on', 'auto ens192 \\\n ens224\n', ['ens192', 'ens224']],
])('ifupdown: %s', (_name, text, names) => {
  expect(
    ifupdownNames(text)
      .map(({ name }) => name)
      .toSorted(),
  ).toEqual(names);
});

test.each([
  [
    'Ubuntu',
    'network:\n  version: 2\n  ethernets:\n    ens160:\n      dhcp4: true\n    ens192:\n      addresses: [10.0.0.2/24]\n  bridges:\n    br0:\n      interfaces: [ens192]\n',
    [{ name: 'ens160' }, { name: 'ens192' }],
  ],
  ['on one line', 'network:\n  ethernets:\n    ens33: {dhcp4: true, optional: true}\n', [{ name: 'ens33' }]],
  [
    'cloud-init: netplan names the card itself',
    `network:\n    ethernets:\n        eth0:\n            match:\n                macaddress: '${MAC}'\n            set-name: eth0\n`,
    [{ name: 'eth0', mac: MAC, bound: true }],
  ],
  [
    'an address needs no name',
    `network:\n  ethernets:\n    uplink:\n      match: {macaddress: "${MAC}"}\n      dhcp4: yes\n`,
    [],
  ],
  [
    'a match by name',
    'network:\n  ethernets:\n    uplink:\n      match:\n        name: ens192\n',
    [{ name: 'ens192' }],
  ],
  ['a match by pattern', 'network:\n  ethernets:\n    all:\n      match:\n        name: en*\n', []],
  [
    'comments and quotes',
    '# ethernets:\nnetwork:\n  ethernets: # cards\n    "ens192": # first\n      dhcp4: true\n',
    [{ name: 'ens192' }],
  ],
])('netplan: %s', (_name, text, names) => {
  expect(netplanNames(text)).toEqual(names);
});

test.each([
  ['[Match]\nName=ens192\n[Network]\nDHCP=yes\n', ['ens192'], []],
  ['[Match]\nName=ens192 ens224 lo\n', ['ens192', 'ens224'], []],
  ['[Match]\nName=en*\n', [], []],
  ['[Match]\nName=ens*\n', [], ['ens*']],
  [`[Match]\nMACAddress=${MAC}\nName=ens192\n`, [], []],
  ['[Network]\nDHCP=yes\n', [], []],
])('networkd: %j', (text, names, patterns) => {
  const found = networkdNames(text);
  expect(found.names.map(({ name }) => name)).toEqual(names);
  expect(found.patterns).toEqual(patterns);
});

test('NetworkManager: a card by its name, with its address where that is told', () => {
  const keyfile = `[connection]\nid=Wired\ntype=ethernet\ninterface-name=ens192\n\n[ethernet]\nmac-address=${MAC.toUpperCase()}\n`;
  expect(networkManagerNames(keyfile)).toEqual([{ name: 'ens192', mac: MAC }]);
  expect(networkManagerNames('[connection]\ntype=802-3-ethernet\n')).toEqual([]);
  expect(networkManagerNames('[connection]\ntype=wifi\ninterface-name=ens192\n')).toEqual([]);
});

test.each([
  [
    'RHEL 7',
    'ifcfg-ens192',
    `TYPE="Ethernet"\nNAME="ens192"\nDEVICE="ens192"\nONBOOT="yes"\n`,
    [{ name: 'ens192', mac: undefined }],
  ],
  ['RHEL 6', 'ifcfg-eth0', `DEVICE=eth0\nHWADDR=${MAC.toUpperCase()}\n`, [{ name: 'eth0', mac: MAC }]],
  ['SUSE', 'ifcfg-eth0', "BOOTPROTO='dhcp'\nSTARTMODE='auto'\n", [{ name: 'eth0', mac: undefined }]],
  ['the loop', 'ifcfg-lo', 'DEVICE=lo\n', []],
  ['a bridge of RHEL', 'ifcfg-office', 'DEVICE=office\nTYPE=Bridge\n', []],
  ['a bridge of SUSE', 'ifcfg-lan', "BRIDGE='yes'\nBRIDGE_PORTS='eth0'\n", []],
  ['the port of a bridge', 'ifcfg-ens192', 'DEVICE=ens192\nBRIDGE=br0\n', [{ name: 'ens192', mac: undefined }]],
  ['a VLAN', 'ifcfg-ens192.7', 'VLAN=yes\nDEVICE=ens192.7\n', [{ name: 'ens192', mac: undefined }]],
])('ifcfg: %s', (_name, file, text, names) => {
  expect(ifcfgNames(file, text)).toEqual(names);
});

test('names that the guest binds itself, by udev or systemd', () => {
  const rule = `# PCI device 0x15ad:0x07b0 (vmxnet3)\nSUBSYSTEM=="net", ACTION=="add", DRIVERS=="?*", ATTR{address}=="${MAC}", ATTR{type}=="1", KERNEL=="eth*", NAME="eth0"\n`;
  expect(udevRuleNames(rule)).toEqual([{ name: 'eth0', mac: MAC, bound: true }]);
  expect(linkNames(`[Match]\nPermanentMACAddress=${MAC}\n[Link]\nName=lan0\n`)).toEqual([
    { name: 'lan0', mac: MAC, bound: true },
  ]);
  expect(linkNames('[Match]\nOriginalName=*\n[Link]\nNamePolicy=kernel\n')).toEqual([]);
});

test.each([
  ['ens192', true],
  ['eth0', true],
  ['enp3s0', true],
  ['lan-1', true],
  ['broad', true],
  ['lo', false],
  ['br0', false],
  ['bond0', false],
  ['wlan0', false],
  ['a'.repeat(16), false],
  ['x"y', false],
  ['-a', false],
  ['', false],
])('%j is the name of a card: %s', (name, is) => {
  expect(isNicName(name)).toBe(is);
});

test('addresses are read in all their forms', () => {
  expect(readMac(' "00-50-56-8A-01-01" ')).toBe(MAC);
  expect([readMac('x'), readMac(undefined), readMac('00:50:56:8a:01')]).toEqual([undefined, undefined, undefined]);
});

test('a name goes to its address, then to its slot, then to the next card in order', () => {
  const nics = [
    { mac: A, pciSlotNumber: 224 },
    { mac: B, pciSlotNumber: 192 },
  ];
  expect(matchNics([{ name: 'ens192' }, { name: 'ens224' }], nics).bindings).toEqual([
    { name: 'ens192', mac: B },
    { name: 'ens224', mac: A },
  ]);
  const plain = nics.map(({ mac }) => ({ mac }));
  expect(matchNics([{ name: 'ens224' }, { name: 'ens192' }], plain).bindings).toEqual([
    { name: 'ens224', mac: B },
    { name: 'ens192', mac: A },
  ]);
  expect(matchNics([{ name: 'ens192', mac: B }, { name: 'ens224' }], plain).bindings).toEqual([
    { name: 'ens192', mac: B },
    { name: 'ens224', mac: A },
  ]);
});

test('a slot behind another function of VMware’s bridge has the number that the guest sees', () => {
  const nics = [
    { mac: A, pciSlotNumber: 1184 },
    { mac: B, pciSlotNumber: 160 },
  ];
  expect(matchNics([{ name: 'ens160' }, { name: 'ens161' }], nics).bindings).toEqual([
    { name: 'ens160', mac: B },
    { name: 'ens161', mac: A },
  ]);
});

test('what the guest binds itself is not bound again, and takes its card', () => {
  const names = [{ name: 'eth0', mac: B, bound: true }, { name: 'ens192' }];
  expect(matchNics(names, [{ mac: A }, { mac: B }])).toEqual({
    bindings: [{ name: 'ens192', mac: A }],
    unmatched: [],
    unnamed: [],
  });
});

test('a name without a card, and a card without an address, are told', () => {
  expect(matchNics([{ name: 'ens192' }, { name: 'ens224' }], [{ mac: A }])).toEqual({
    bindings: [{ name: 'ens192', mac: A }],
    unmatched: ['ens224'],
    unnamed: [],
  });
  expect(matchNics([{ name: 'ens192' }], [{ mac: undefined }])).toEqual({
    bindings: [],
    unmatched: ['ens192'],
    unnamed: [],
  });
});

test('a card that no configuration names has its name from its slot, unless another card has that name', () => {
  const nics = [
    { mac: A, pciSlotNumber: 224 },
    { mac: B, pciSlotNumber: 192 },
  ];
  expect(matchNics([], nics).unnamed).toEqual([
    { name: 'ens224', mac: A },
    { name: 'ens192', mac: B },
  ]);
  expect(matchNics([{ name: 'ens192', mac: A }], nics).unnamed).toEqual([]);
  expect(matchNics([], [{ mac: A }, { mac: undefined, pciSlotNumber: 192 }]).unnamed).toEqual([]);
});

test('the kernel’s names count the NICs in the order of their addresses, whichever of them is configured', () => {
  const nics = [
    { mac: A, pciSlotNumber: 160 },
    { mac: B, pciSlotNumber: 192 },
  ];
  expect(matchNics([{ name: 'eth1' }], nics, true).bindings).toEqual([{ name: 'eth1', mac: B }]);
  expect(matchNics([{ name: 'eth1' }, { name: 'eth0' }], nics, true).bindings).toEqual([
    { name: 'eth1', mac: B },
    { name: 'eth0', mac: A },
  ]);
  // `ens160` is a leftover from before net.ifnames=0 was set. It does not take the NIC of `eth0`, which is in use.
  expect(matchNics([{ name: 'ens160' }, { name: 'eth0' }], nics, true).bindings).toContainEqual({
    name: 'eth0',
    mac: A,
  });
  expect(matchNics([{ name: 'eth2' }], nics, true)).toMatchObject({ bindings: [], unmatched: ['eth2'] });
  expect(matchNics([{ name: 'eth2' }], nics, false).bindings).toEqual([{ name: 'eth2', mac: A }]);
});

test('a name of bus and device goes to the NIC that VMware’s slot puts there', () => {
  const nics = [
    { mac: A, pciSlotNumber: 33 },
    { mac: B, pciSlotNumber: 192 },
  ];
  expect(matchNics([{ name: 'enp11s0' }, { name: 'enp2s1' }], nics).bindings).toEqual([
    { name: 'enp11s0', mac: B },
    { name: 'enp2s1', mac: A },
  ]);
});

test('a name of VMware’s index goes to the NIC at that bus and device, whatever its number', () => {
  const nics = [
    { mac: A, pciSlotNumber: 192 },
    { mac: B, pciSlotNumber: 224 },
  ];
  // The first NIC of the VM is in the higher slot: 0000:13:00.0.
  expect(matchNics([{ name: 'eno16782080' }, { name: 'eno33557248' }], nics).bindings).toEqual([
    { name: 'eno16782080', mac: B },
    { name: 'eno33557248', mac: A },
  ]);
  expect(
    matchNics(
      [{ name: 'eno16777736' }],
      [
        { mac: B, pciSlotNumber: 160 },
        { mac: A, pciSlotNumber: 33 },
      ],
    ).bindings,
  ).toEqual([{ name: 'eno16777736', mac: A }]);
});

const OFF = 'root=UUID=1 ro net.ifnames=0 biosdevname=0';
const TREES: [boolean, string, TreeContent][] = [
  [true, 'nothing that says otherwise', {}],
  [true, 'biosdevname only', { '/boot/grub/grub.cfg': ' linux /vmlinuz root=UUID=1 biosdevname=0\n' }],
  [false, 'GRUB', { '/boot/grub/grub.cfg': `menuentry x {\n\tlinux /vmlinuz ${OFF}\n}\n` }],
  [false, 'GRUB legacy', { '/boot/grub/menu.lst': `title x\nkernel /vmlinuz ${OFF}\n` }],
  [false, 'GRUB on the ESP', { '/boot/efi/EFI/centos/grub.cfg': `  linuxefi /vmlinuz ${OFF}\n` }],
  [false, 'BLS', { '/boot/loader/entries/one.conf': `title x\noptions ${OFF}\n` }],
  [
    false,
    'BLS with its options in the environment block',
    { '/boot/loader/entries/one.conf': 'options $kernelopts\n', '/boot/grub2/grubenv': `kernelopts=${OFF}\n####` },
  ],
  [false, 'systemd-boot', { '/efi/loader/entries/a.conf': `options ${OFF}\n` }],
  [false, 'extlinux', { '/boot/extlinux/extlinux.conf': `LABEL a\n  APPEND ${OFF}\n` }],
  [false, 'extlinux in the root', { '/extlinux.conf': `append ${OFF}\n` }],
  [false, 'syslinux on the ESP', { '/boot/efi/EFI/syslinux/syslinux.cfg': `append ${OFF}\n` }],
  [false, 'a unified kernel image’s source', { '/etc/kernel/cmdline': `${OFF}\n` }],
  [
    false,
    'dracut’s words for unified images',
    { '/etc/dracut.conf.d/uki.conf': `uefi=yes\nkernel_cmdline="${OFF}"\n` },
  ],
  [false, 'another word for it', { '/etc/default/grub': 'GRUB_CMDLINE_LINUX="net.ifnames=off"\n' }],
  [
    true,
    'a setting that no entry has',
    { '/etc/default/grub': `GRUB_CMDLINE_LINUX="${OFF}"\n`, '/boot/grub/grub.cfg': ' linux /vmlinuz root=UUID=1\n' },
  ],
  [true, 'a comment', { '/boot/grub/grub.cfg': ` linux /vmlinuz root=UUID=1\n# linux ${OFF}\n` }],
  [false, 'a masked .link file', { '/etc/systemd/network/99-default.link': { link: '/dev/null' } }],
  [false, 'an empty .link file', { '/etc/systemd/network/99-default.link': '' }],
  [
    true,
    'a .link file that keeps the policy',
    { '/etc/systemd/network/99-default.link': '[Match]\nOriginalName=*\n[Link]\nNamePolicy=keep slot path\n' },
  ],
  [
    false,
    'a policy of kernel names',
    { '/etc/systemd/network/10-all.link': '[Match]\nOriginalName=*\n[Link]\nNamePolicy=kernel\n' },
  ],
  [
    true,
    'such a policy for one NIC',
    { '/etc/systemd/network/10-one.link': `[Match]\nMACAddress=${A}\n[Link]\nNamePolicy=kernel\n` },
  ],
  [false, 'a masked rule', { '/etc/udev/rules.d/80-net-setup-link.rules': { link: '/dev/null' } }],
];

test.each(TREES)('predictable names: %s with %s', async (has, _what, content) => {
  expect(await hasPredictableNames(treeOfFiles(content))).toBe(has);
});

test('what one file tells of a name adds to another', () => {
  expect(mergeNames([{ name: 'ens192' }, { name: 'ens192', mac: A, bound: true }, { name: 'ens192' }])).toEqual([
    { name: 'ens192', mac: A, bound: true },
  ]);
});
