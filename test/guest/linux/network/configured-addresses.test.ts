import { expect, test } from '@jest/globals';
import { configuredNics } from '../../../../src/guest/linux/network/configured-addresses.ts';
import { treeOfFiles, type TreeContent } from '../../contract/tree-of-files.ts';

const [A, B] = ['00:50:56:00:00:0a', '00:50:56:00:00:0b'];
const NAMED = [
  { name: 'eth0', mac: A },
  { name: 'eth1', mac: B },
];
const BOTH = [
  { mac: A, name: 'eth0', addresses: ['192.0.2.10', '2001:db8::10'] },
  { mac: B, name: 'eth1', addresses: ['198.51.100.10'] },
];

test.each<[string, TreeContent]>([
  [
    'ifupdown',
    {
      '/etc/network/interfaces':
        'auto eth0 eth1\niface eth0 inet static\n  address 192.0.2.10/24\n  gateway 192.0.2.1\niface eth0 inet6 static\n  address 2001:DB8::10\n\niface eth1.7 inet static\n  address 203.0.113.1\niface br0 inet static\n  address 203.0.113.2\n',
      '/etc/network/interfaces.d/eth1': 'iface eth1 inet static\n  address 198.51.100.10\n  netmask 255.255.255.0\n',
    },
  ],
  [
    'Red Hat’s ifcfg',
    {
      '/etc/sysconfig/network-scripts/ifcfg-eth0': 'DEVICE="eth0"\nIPADDR0="192.0.2.10"\nIPV6ADDR=2001:db8::10/64\n',
      '/etc/sysconfig/network-scripts/ifcfg-wan': `HWADDR=${B.toUpperCase()}\nDEVICE=eth1\nIPADDR=198.51.100.10\n`,
      '/etc/sysconfig/network-scripts/ifcfg-br0': 'DEVICE=br0\nIPADDR=203.0.113.2\n',
    },
  ],
  [
    'SUSE’s ifcfg',
    {
      '/etc/sysconfig/network/ifcfg-eth0': "IPADDR='192.0.2.10/24'\nIPADDR_1='2001:db8::10/64'\n",
      '/etc/sysconfig/network/ifcfg-eth1': "IPADDR='198.51.100.10/24'\n",
    },
  ],
  [
    'netplan',
    {
      '/etc/netplan/a.yaml': `network:\n  ethernets:\n    eth0:\n      addresses: [192.0.2.10/24, "2001:db8::10/64"]\n    uplink:\n      match: {macaddress: "${B}"}\n      set-name: eth1\n      addresses:\n        - 198.51.100.10/24:\n            label: x\n  vlans:\n    v: {id: 7, link: eth0, addresses: [203.0.113.1/24]}\n`,
    },
  ],
  [
    'networkd',
    {
      '/etc/systemd/network/a.network':
        '[Match]\nName=eth0\n[Network]\nAddress=192.0.2.10/24\n[Address]\nAddress=2001:db8::10/64\n',
      '/etc/systemd/network/b.network': `[Match]\nMACAddress=${B}\nName=eth1\n[Network]\nAddress=198.51.100.10/24\nGateway=198.51.100.1\n`,
      '/etc/systemd/network/c.network': '[Match]\nName=e*\n[Network]\nAddress=203.0.113.1/24\n',
    },
  ],
  [
    'NetworkManager',
    {
      '/etc/NetworkManager/system-connections/a.nmconnection':
        '[connection]\ntype=ethernet\ninterface-name=eth0\n[ipv4]\naddress1=192.0.2.10/24,192.0.2.1\n[ipv6]\naddress1=2001:db8::10/64\n',
      '/etc/NetworkManager/system-connections/b': `[connection]\ntype=802-3-ethernet\ninterface-name=eth1\n[ethernet]\nmac-address=${B}\n[ipv4]\naddress1=198.51.100.10/24\n`,
      '/etc/NetworkManager/system-connections/c':
        '[connection]\ntype=vlan\ninterface-name=eth0\n[ipv4]\naddress1=203.0.113.1/24\n',
    },
  ],
])('the static addresses of each NIC: %s', async (_what, content) => {
  const files = treeOfFiles(content);
  const nics = await configuredNics(files, (path) => files.read(path), NAMED);
  expect(nics.toSorted((a, b) => a.mac.localeCompare(b.mac))).toEqual(BOTH);
});

test('NICs without static addresses, and names of no NIC, are left out', async () => {
  const files = treeOfFiles({
    '/etc/network/interfaces': 'iface eth0 inet dhcp\niface lan9 inet static\naddress 192.0.2.1\n',
  });
  expect(await configuredNics(files, (path) => files.read(path), NAMED)).toEqual([]);
});
