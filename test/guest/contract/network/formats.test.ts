import { describe, expect, test } from '@jest/globals';
import type { TreeContent } from '../tree-of-files.ts';
import { KERNEL_NAMES, LAN, checksOf, expectOneFault, guestWith, link, verdictOf } from './contract.ts';

const NETWORKD = { '/etc/systemd/system/multi-user.target.wants/systemd-networkd.service': { link: '/lib/x' } };

interface Case {
  name: string;
  file: string;
  wrong: string;
  line?: number;
  reason: RegExp;
  right: string;
  more?: TreeContent;
}

const IFUPDOWN = '/etc/network/interfaces';
const PROFILE = '/etc/NetworkManager/system-connections/lan.nmconnection';
const profile = (match: string) =>
  `[connection]\nid=lan\ntype=ethernet\n${match}\n[ipv4]\nmethod=manual\naddress1=192.0.2.1/24\n`;
const NETPLAN = '/etc/netplan/01-lan.yaml';
const netplan = (text: string) => `network:\n  version: 2\n  ethernets:\n${text}`;
const NETWORK = '/etc/systemd/network/10-lan.network';
const network = (match: string) => `[Match]\n${match}\n\n[Network]\nAddress=192.0.2.1/24\n`;
const RED_HAT = '/etc/sysconfig/network-scripts/ifcfg-ens192';

const CASES: Case[] = [
  {
    name: "ifupdown by the name that VMware's slot gave",
    file: IFUPDOWN,
    wrong: 'auto lo ens192\niface lo inet loopback\niface ens192 inet static\n  address 192.0.2.1/24\n',
    line: 3,
    reason: /No NIC of the VM matches ens192/,
    right: 'auto lan0\niface lan0 inet static\n  address 192.0.2.1/24\n',
    more: link('lan0', LAN),
  },
  {
    name: "ifupdown by a bridge's port",
    file: IFUPDOWN,
    wrong: 'auto br0\niface br0 inet static\n  address 192.0.2.1/24\n  bridge_ports ens192\n',
    line: 2,
    reason: /No NIC of the VM matches ens192/,
    right: 'auto br0\niface br0 inet static\n  address 192.0.2.1/24\n  bridge_ports lan0\n',
    more: link('lan0', LAN),
  },
  {
    name: 'a profile of NetworkManager by name',
    file: PROFILE,
    wrong: profile('interface-name=ens192'),
    line: 4,
    reason: /No NIC of the VM matches the profile lan \(name ens192\)/,
    right: profile(''),
  },
  {
    name: 'a profile of NetworkManager by driver',
    file: PROFILE,
    wrong: profile('[match]\ndriver=vmxnet3;'),
    line: 4,
    reason: /\(driver vmxnet3\)/,
    right: profile('[ethernet]\nmac-address=00:50:56:00:00:01'),
  },
  {
    name: 'a profile of NetworkManager by MAC address of another NIC',
    file: PROFILE,
    wrong: profile('interface-name=ens192\n[ethernet]\nmac-address=00:50:56:00:00:01'),
    line: 4,
    reason: /No NIC of the VM matches/,
    right: profile('[ethernet]\nmac-address=00:50:56:00:00:01'),
  },
  {
    name: 'netplan by name',
    file: NETPLAN,
    wrong: netplan('    ens192:\n      addresses: [192.0.2.1/24]\n'),
    line: 4,
    reason: /netplan's ens192 \(name ens192\)/,
    right: netplan('    lan:\n      match: {name: "en*"}\n      addresses: [192.0.2.1/24]\n'),
  },
  {
    name: 'netplan by driver',
    file: NETPLAN,
    wrong: netplan('    lan:\n      match:\n        driver: vmxnet3\n      dhcp4: true\n'),
    line: 4,
    reason: /\(driver vmxnet3\)/,
    right: netplan(
      '    lan:\n      match:\n        macaddress: "00:50:56:00:00:01"\n      set-name: ens192\n      dhcp4: true\n',
    ),
  },
  {
    name: 'netplan by a list of drivers',
    file: NETPLAN,
    wrong: netplan('    lan:\n      match:\n        driver: ["vmxnet3", "e1000*"]\n      dhcp4: true\n'),
    line: 4,
    reason: /\(driver vmxnet3 e1000\*\)/,
    right: netplan('    lan:\n      match:\n        driver: ["vmxnet3", "virtio*"]\n      dhcp4: true\n'),
  },
  {
    name: 'networkd by driver',
    file: NETWORK,
    wrong: network('Driver=vmxnet3'),
    line: 1,
    reason: /\(driver vmxnet3\)/,
    right: network('Driver=vmxnet3 virtio_net'),
    more: NETWORKD,
  },
  {
    name: 'networkd by name',
    file: NETWORK,
    wrong: network('Name=ens192'),
    line: 1,
    reason: /\(name ens192\)/,
    right: network('Name=en*'),
    more: NETWORKD,
  },
  {
    name: "networkd by a name of VMware's kind of virtualization",
    file: NETWORK,
    wrong: network('Name=en*\nVirtualization=vmware'),
    line: 1,
    reason: /\(name en\*\)/,
    right: network('Name=en*\nVirtualization=vm'),
    more: NETWORKD,
  },
  {
    name: 'ifcfg of the Red Hat family by name',
    file: RED_HAT,
    wrong: 'DEVICE=ens192\nONBOOT=yes\nIPADDR=192.0.2.1\n',
    line: 1,
    reason: /matches ens192/,
    right: 'HWADDR=00:50:56:00:00:01\nONBOOT=yes\nIPADDR=192.0.2.1\n',
  },
  {
    name: 'ifcfg of SUSE by name',
    file: '/etc/sysconfig/network/ifcfg-ens192',
    wrong: "STARTMODE='auto'\nBOOTPROTO='static'\nIPADDR='192.0.2.1/24'\n",
    line: 2,
    reason: /matches ens192/,
    right: "STARTMODE='off'\nBOOTPROTO='dhcp'\n",
    more: { '/etc/sysconfig/network/ifcfg-lan0': "STARTMODE='auto'\nBOOTPROTO='dhcp'\n", ...link('lan0', LAN) },
  },
];

test.each(CASES)('$name', async ({ file, wrong, line, reason, right, more = {} }) => {
  await expectOneFault(
    guestWith({ [file]: wrong, ...more }),
    { file, ...(line === undefined ? {} : { line }), reason },
    guestWith({ [file]: right, ...more }),
  );
});

describe('what does not count', () => {
  test('an interface that is not started, and virtual ones', async () => {
    const content = {
      [IFUPDOWN]:
        'auto lan0\niface lan0 inet dhcp\niface ens192 inet dhcp\nauto br0\niface br0 inet dhcp\n bridge_ports none\n',
      [PROFILE]: profile('interface-name=ens192').replace('type=ethernet', 'type=ethernet\nautoconnect=false'),
      [RED_HAT]: 'DEVICE=ens192\nONBOOT=no\n',
      '/etc/sysconfig/network-scripts/ifcfg-br0': 'DEVICE=br0\nTYPE=Bridge\nONBOOT=yes\n',
      '/etc/systemd/network/br0.network': network('Name=br0'),
      ...NETWORKD,
      ...link('lan0', LAN),
    };
    expect(await checksOf(guestWith(content))).toEqual([expect.stringMatching(/^ready .*interfaces:2 lan0/)]);
  });

  test('files of networkd that does not run', async () => {
    const content = { [NETWORK]: network('Driver=vmxnet3'), '/usr/sbin/NetworkManager': 'x' };
    expect(await verdictOf(guestWith(content))).toBe('ready');
    expect(await verdictOf(guestWith({ ...content, ...NETWORKD }))).toBe('not-ready');
  });

  test('a configuration of a NIC that VMware did not have either', async () => {
    const content = {
      [IFUPDOWN]: 'auto lan0 ens256\niface lan0 inet dhcp\niface ens256 inet dhcp\n',
      ...link('lan0', LAN),
    };
    expect(await checksOf(guestWith(content))).toEqual([
      expect.stringMatching(/^ready .*lan0/),
      expect.stringMatching(/^not-ready \(advisory\) .*ens256.*; none did on VMware/),
    ]);
    expect(await verdictOf(guestWith(content))).toBe('ready');
  });
});

describe('without a configuration', () => {
  test.each(['/usr/sbin/NetworkManager', '/usr/bin/cloud-init'])('%s uses DHCP', async (path) => {
    expect(await verdictOf(guestWith({ [path]: 'x' }))).toBe('ready');
  });

  test('nothing is known of the network', async () => {
    expect(await verdictOf(guestWith({}))).toBe('unknown');
    expect(await verdictOf(guestWith({}, []))).toBe('ready');
  });

  test('a standalone disk does not say what NICs there are', async () => {
    const subject = guestWith({ [PROFILE]: profile('interface-name=ens192') });
    const checks = await checksOf({ ...subject, hardware: { ...subject.hardware, nics: undefined } });
    expect(checks).toEqual([expect.stringMatching(/^unknown \(advisory\)/)]);
  });

  test('a netplan file that is not read', async () => {
    const content = { [NETPLAN]: 'network: &x\n  ethernets: {}\n', '/usr/sbin/NetworkManager': 'x' };
    expect(await verdictOf(guestWith(content))).toBe('unknown');
  });
});

test('includes of ifupdown', async () => {
  const content = (name: string): TreeContent => ({
    [IFUPDOWN]: 'source interfaces.d/*.cfg\nsource-directory /etc/network/more\n',
    '/etc/network/interfaces.d/a.cfg': `auto ${name}\niface ${name} inet dhcp\n`,
    '/etc/network/more/b': 'auto eth0\niface eth0 inet6 auto\n',
    ...KERNEL_NAMES,
  });
  await expectOneFault(
    guestWith(content('ens192')),
    { file: '/etc/network/interfaces.d/a.cfg', line: 2, reason: /matches ens192/ },
    guestWith(content('eth0')),
  );
});
