import { describe, expect, test } from '@jest/globals';
import type { TargetNic } from '../../../../src/guest/contract/boot-check.ts';
import { treeOfFiles, type TreeContent } from '../tree-of-files.ts';
import { KERNEL_NAMES, LAN, WAN, checksOf, expectOneFault, guestWith, link, verdictOf } from './contract.ts';

const IFUPDOWN = '/etc/network/interfaces';
const interfaces = (...names: string[]): TreeContent => ({
  [IFUPDOWN]: names
    .map((name, index) => `auto ${name}\niface ${name} inet static\n  address 192.0.2.${index + 1}/24\n`)
    .join(''),
});
const rule = (name: string, { mac }: TargetNic) =>
  `SUBSYSTEM=="net", ACTION=="add", DRIVERS=="?*", ATTR{address}=="${mac}", ATTR{type}=="1", KERNEL=="eth*", NAME="${name}"\n`;
const RULES = '/etc/udev/rules.d/70-persistent-net.rules';

describe('two NICs on two networks', () => {
  const BOTH = interfaces('eth0', 'eth1');

  test('kernel names follow the PCI slots, not the order of the devices', async () => {
    const content = { ...BOTH, ...KERNEL_NAMES };
    expect(await checksOf(guestWith(content, [WAN, LAN]))).toEqual([
      expect.stringMatching(/^not-ready .*:2 eth0 is NIC 1 .* on WAN, but it was NIC 2 .* on LAN on VMware/),
      expect.stringMatching(/^not-ready .*:5 eth1 is NIC 2 .* on LAN, but it was NIC 1 .* on WAN on VMware/),
    ]);
    expect(await verdictOf(guestWith(content, [LAN, WAN]))).toBe('ready');
  });

  test('without the slots of the source it is not known which NIC was eth0', async () => {
    const nics = [LAN, WAN].map((nic) => ({ ...nic, sourceSlotNumber: undefined }));
    expect(await verdictOf(guestWith({ ...BOTH, ...KERNEL_NAMES }, nics))).toBe('unknown');
    expect(await verdictOf(guestWith({ ...interfaces('eth0'), ...KERNEL_NAMES }, nics.slice(0, 1)))).toBe('ready');
  });

  test('a link file that gives the name of one slot to the NIC of the other', async () => {
    const bound = (lan: string, wan: string) =>
      guestWith({ ...interfaces('ens192'), ...link(lan, LAN), ...link(wan, WAN) }, [LAN, WAN]);
    await expectOneFault(
      bound('ens224', 'ens192'),
      { file: IFUPDOWN, line: 2, reason: /ens192 is NIC 2 .*, but it was NIC 1/ },
      bound('ens192', 'ens224'),
    );
  });

  test.each([
    ['slot', 'ens192', 'ens224'],
    ['bus and device', 'enp11s0', 'enp19s0'],
    ['index on VMware', 'eno33557248', 'eno16782080'],
  ])('names by %s that are bound to the wrong NICs', async (_how, lan, wan) => {
    const bound = (one: TargetNic, other: TargetNic) =>
      guestWith({ ...interfaces(lan, wan), ...link(lan, one), ...link(wan, other) }, [LAN, WAN]);
    expect(await checksOf(bound(WAN, LAN))).toEqual([
      expect.stringMatching(/^not-ready .*:2 .* is NIC 2 .*, but it was NIC 1/),
      expect.stringMatching(/^not-ready .*:5 .* is NIC 1 .*, but it was NIC 2/),
    ]);
    expect(await verdictOf(bound(LAN, WAN))).toBe('ready');
  });

  test('one address that several NICs match', async () => {
    const file = '/etc/netplan/01.yaml';
    const netplan = (match: string) =>
      guestWith(
        { [file]: `network:\n  ethernets:\n    lan:\n      match: {${match}}\n      addresses: [192.0.2.1/24]\n` },
        [LAN, WAN],
      );
    await expectOneFault(
      netplan('driver: virtio_net'),
      { file, line: 3, reason: /has an address for one NIC, and matches several/ },
      netplan(`macaddress: "${LAN.mac}"`),
    );
  });

  test('DHCP may be on several NICs', async () => {
    const content = {
      '/etc/netplan/01.yaml': 'network:\n  ethernets:\n    all:\n      match: {name: "e*"}\n      dhcp4: true\n',
    };
    expect(await verdictOf(guestWith(content, [LAN, WAN]))).toBe('ready');
  });

  test('networkd takes the first file that matches', async () => {
    const network = (match: string, address: number) => `[Match]\n${match}\n[Network]\nAddress=192.0.2.${address}/24\n`;
    const content = (second: string) =>
      guestWith(
        {
          '/etc/systemd/network/10-a.network': network(`MACAddress=${LAN.mac}`, 1),
          '/etc/systemd/network/20-b.network': network(second, 2),
          '/etc/systemd/system/multi-user.target.wants/systemd-networkd.service': { link: '/lib/x' },
        },
        [LAN, WAN],
      );
    expect(await verdictOf(content('Name=en*'))).toBe('ready');
    expect(await verdictOf(content(`MACAddress=${LAN.mac}`))).toBe('ready');
    expect((await checksOf(content('Driver=vmxnet3')))[1]).toMatch(/^not-ready .*20-b.network/);
  });
});

describe('names that NICs get', () => {
  test('net.ifnames=0 of the boot entry gives kernel names', async () => {
    await expectOneFault(
      guestWith(interfaces('eth0')),
      { file: IFUPDOWN, line: 2, reason: /No NIC of the VM matches eth0/ },
      guestWith({ ...interfaces('eth0'), ...KERNEL_NAMES }),
    );
  });

  test('net.ifnames=0 of extlinux, of the entry that starts by itself', async () => {
    const entry = (name: string, words: string) =>
      `LABEL ${name}\n  LINUX /boot/vmlinuz\n  APPEND root=/dev/vda1 ${words}\n`;
    const content = (first: string) =>
      guestWith({
        ...interfaces('eth0'),
        '/boot/vmlinuz': 'kernel',
        '/boot/extlinux/extlinux.conf': `DEFAULT ${first}\n${entry('old', 'net.ifnames=0')}${entry('new', 'quiet')}`,
      });
    const fault = { file: IFUPDOWN, line: 2, reason: /No NIC of the VM matches eth0/ };
    await expectOneFault(content('new'), fault, content('old'));
  });

  test.each(['/etc/systemd/network/99-default.link', '/etc/udev/rules.d/80-net-setup-link.rules'])(
    '%s switched off gives kernel names',
    async (path) => {
      await expectOneFault(
        guestWith(interfaces('eth0')),
        { file: IFUPDOWN, line: 2, reason: /No NIC of the VM matches eth0/ },
        guestWith({ ...interfaces('eth0'), [path]: { link: '/dev/null' } }),
      );
    },
  );

  test('a persistent-net rule by the MAC address, and by the driver of VMware', async () => {
    const content = (text: string) => guestWith({ ...interfaces('lan0'), [RULES]: text });
    const fault = { file: IFUPDOWN, line: 2, reason: /No NIC of the VM matches lan0/ };
    const right = content(rule('lan0', LAN));
    await expectOneFault(content(rule('lan0', WAN)), fault, right);
    await expectOneFault(content('SUBSYSTEM=="net", DRIVERS=="vmxnet3", NAME="lan0"\n'), fault, right);
  });

  test('a rename to a name that another NIC has fails', async () => {
    const swapped = { ...interfaces('eth0'), ...KERNEL_NAMES, [RULES]: rule('eth1', LAN) };
    await expectOneFault(
      guestWith(swapped, [LAN, WAN]),
      { file: RULES, line: 1, reason: /is to be called eth1, but NIC 2 .* has that name, so that the rename fails/ },
      guestWith({ ...swapped, [RULES]: rule('eth0', LAN) }, [LAN, WAN]),
    );
  });

  test('a udev before predictable names exchanges names', async () => {
    const content = { ...interfaces('eth0', 'eth1'), [RULES]: rule('eth0', LAN) + rule('eth1', WAN) };
    const files = treeOfFiles({ ...content, '/lib/udev/rules.d/75-persistent-net-generator.rules': 'x' });
    const newer = guestWith({ ...content, ...KERNEL_NAMES }, [WAN, LAN]);
    expect(await verdictOf(newer)).toBe('not-ready');
    expect(await verdictOf({ ...newer, files })).toBe('ready');
  });

  test('the first link file in the order of names counts, whatever its folder', async () => {
    const content = (file: string) =>
      guestWith({
        ...interfaces('lan0'),
        '/usr/lib/systemd/network/50-other.link': '[Match]\nOriginalName=*\n[Link]\nName=other\n',
        [`/etc/systemd/network/${file}`]: '[Match]\nOriginalName=eth*\n[Link]\nName=lan0\n',
      });
    await expectOneFault(
      content('60-lan.link'),
      { file: IFUPDOWN, line: 2, reason: /No NIC of the VM matches lan0/ },
      content('10-lan.link'),
    );
  });

  test('a link file by the driver, the path or the kind of virtualization', async () => {
    const content = (match: string) =>
      guestWith({
        ...interfaces('lan0'),
        '/etc/systemd/network/10-lan.link': `[Match]\n${match}\n[Link]\nName=lan0\n`,
      });
    for (const match of ['Driver=vmxnet3', 'Virtualization=vmware', 'MACAddress=00:50:56:ff:ff:ff']) {
      await expectOneFault(
        content(match),
        { file: IFUPDOWN, line: 2, reason: /No NIC of the VM matches lan0/ },
        content('Driver=virtio*'),
      );
    }
  });

  test('the network scripts of the Red Hat family name the NIC with HWADDR', async () => {
    const file = '/etc/sysconfig/network-scripts/ifcfg-eth5';
    const content = (rules: TreeContent) =>
      guestWith({ [file]: `DEVICE=eth5\nHWADDR=${LAN.mac}\nONBOOT=yes\n`, ...KERNEL_NAMES, ...rules });
    expect((await checksOf(content({})))[0]).toMatch(/^not-ready/);
    const rules = { '/usr/lib/udev/rules.d/60-net.rules': 'PROGRAM="/lib/udev/rename_device", NAME="%c"\n' };
    expect(await verdictOf(content(rules))).toBe('ready');
  });

  test('a MAC address that the target does not keep', async () => {
    const file = '/etc/NetworkManager/system-connections/a.nmconnection';
    const content = { [file]: `[connection]\ntype=ethernet\n[ethernet]\nmac-address=${LAN.mac}\n` };
    await expectOneFault(
      guestWith(content, [{ ...LAN, mac: undefined }]),
      { file, line: 4, reason: /No NIC of the VM matches/ },
      guestWith(content),
    );
  });
});

describe('predictable names that nothing binds, by the addresses of the domain', () => {
  const network = (match: string): TreeContent => ({
    '/etc/systemd/network/10-lan.network': `[Match]\n${match}\n\n[Network]\nDHCP=yes\n`,
    '/etc/systemd/system/multi-user.target.wants/systemd-networkd.service': { link: '/lib/x' },
  });
  const on = (address: TargetNic['address'], match: string) => guestWith(network(match), [{ ...LAN, address }]);
  const PORT = { bus: undefined, device: 0 };
  const ROOT_BUS = { bus: 0, device: 0x10 };

  test.each([
    ['behind a root port', PORT, 'Name=enp*s0', 'ready'],
    ['behind a root port', PORT, 'Name=ens*', 'not-ready'],
    ['behind a root port', PORT, 'Name=enp2s*', 'unknown'],
    ['behind a root port', PORT, 'Path=pci-0000:*:00.0', 'ready'],
    ['behind a root port', PORT, 'Path=pci-0000:0b:00.0', 'unknown'],
    ['on the root bus', ROOT_BUS, 'Path=pci-0000:00:10.0', 'ready'],
    ['on the root bus', ROOT_BUS, 'Path=pci-0000:0b:00.0', 'not-ready'],
    ['on the root bus', ROOT_BUS, 'Name=enp0s16', 'unknown'],
    ['on the root bus', ROOT_BUS, 'Name=en*s16', 'ready'],
    ['on the root bus', ROOT_BUS, 'Name=enp11s0', 'not-ready'],
    ['at an address that libvirt chooses', undefined, 'Name=ens*', 'unknown'],
  ] as const)('a NIC %s (%j) and %s: %s', async (_where, address, match, expected) => {
    expect(await verdictOf(on(address, match))).toBe(expected);
  });
});
