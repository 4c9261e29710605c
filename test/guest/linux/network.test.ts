import { expect, test } from '@jest/globals';
import { GuestDraft } from '../../../src/guest/change.ts';
import type { GuestNic } from '../../../src/guest/guest.ts';
import { network } from '../../../src/guest/linux/network.ts';
import { treeOfFiles, type TreeContent } from '../contract/tree-of-files.ts';

const [A, B] = ['00:50:56:00:00:0a', '00:50:56:00:00:0b'];
const NICS: GuestNic[] = [
  { mac: B, model: 'vmxnet3', pciSlotNumber: 192 },
  { mac: A, model: 'vmxnet3', pciSlotNumber: 224 },
];
const SYSTEMD: TreeContent = { '/usr/lib/systemd/network/99-default.link': '[Match]\nOriginalName=*\n' };
const SYSVINIT: TreeContent = { '/etc/network/interfaces': 'auto eth0 eth1\niface eth0 inet dhcp\n' };

async function plan(content: TreeContent, nics = NICS) {
  const guest = { files: treeOfFiles(content), nics } as never;
  const draft = new GuestDraft(guest);
  await network.plan(guest, draft);
  const paths = draft.changes().map(({ path }) => path);
  const texts = await Promise.all(
    paths.map(async (path): Promise<[string, string]> => [path, (await draft.read(path)) ?? '']),
  );
  return { files: Object.fromEntries(texts), warnings: draft.warnings, configuredNics: draft.configuredNics };
}

test('with net.ifnames=0 the names follow the slots, also where only one of the NICs is configured', async () => {
  const cmdline = { '/boot/extlinux/extlinux.conf': 'append root=UUID=1 net.ifnames=0\n' };
  const both = await plan({ ...SYSTEMD, ...cmdline, ...SYSVINIT });
  expect(both.files['/etc/systemd/network/10-hyper2kvm-eth0.link']).toContain(`MACAddress=${B}`);
  expect(both.files['/etc/systemd/network/10-hyper2kvm-eth1.link']).toContain(`MACAddress=${A}`);
  const second = await plan({ ...SYSTEMD, ...cmdline, '/etc/network/interfaces': 'iface eth1 inet dhcp\n' });
  expect(Object.keys(second.files)).toEqual(['/etc/systemd/network/10-hyper2kvm-eth1.link']);
  expect(second.files['/etc/systemd/network/10-hyper2kvm-eth1.link']).toContain(`MACAddress=${A}`);
});

test('old udev gets rules in the same order, after those that it has', async () => {
  const rules = '/etc/udev/rules.d/70-persistent-net.rules';
  const { files } = await plan(SYSVINIT);
  expect(files[rules]?.split('\n').map((line) => /address\}=="([^"]+)".*NAME="(\w+)"/.exec(line)?.slice(1))).toEqual([
    [B, 'eth0'],
    [A, 'eth1'],
    undefined,
  ]);
  const own = [A, B].map((mac, at) => `SUBSYSTEM=="net", DRIVERS=="?*", ATTR{address}=="${mac}", NAME="eth${at}"\n`);
  expect(await plan({ ...SYSVINIT, [rules]: own.join('') })).toMatchObject({ files: {}, warnings: [] });
});

test('a name that a .link file gives by the driver is given by the address, and not bound a second time', async () => {
  const link = '/etc/systemd/network/10-lan.link';
  const { files, warnings } = await plan(
    {
      ...SYSTEMD,
      [link]: '[Match]\nPath=pci-0000:13:00.0\n\n[Link]\nName=lan0\n',
      '/etc/network/interfaces': 'iface lan0 inet dhcp\niface ens192 inet dhcp\n',
      '/etc/systemd/network/20.network.d/driver.conf': '[Match]\nDriver=vmxnet3\n',
    },
    NICS,
  );
  expect(files[link]).toBe(`[Match]\nMACAddress=${A}\nType=ether\n\n[Link]\nName=lan0\n`);
  expect(files['/etc/systemd/network/20.network.d/driver.conf']).toContain(`MACAddress=${B} ${A}`);
  expect(Object.keys(files).filter((path) => path.includes('hyper2kvm'))).toEqual([
    '/etc/systemd/network/10-hyper2kvm-ens192.link',
  ]);
  expect(warnings).toEqual([]);
});

test('a match that cannot be rewritten is a warning that names its file', async () => {
  const path = '/etc/netplan/50-cloud-init.yaml';
  const text = 'network:\n  ethernets:\n    a:\n      match: {driver: vmxnet3}\n';
  const { files, warnings } = await plan({ ...SYSTEMD, [path]: text }, [{ mac: A }]);
  expect(files).toEqual({});
  expect(warnings).toEqual([expect.stringContaining(`${path}: driver: vmxnet3 of a is not changed`)]);
});

test('patterns of names are a warning only where a NIC may lose its name', async () => {
  const content = { ...SYSTEMD, '/etc/systemd/network/a.network': '[Match]\nName=ens*\n' };
  expect((await plan(content)).warnings).toEqual([]);
  expect((await plan(content, [{ mac: A }])).warnings).toEqual([expect.stringContaining('ens*')]);
});

test('the static addresses of NICs are known by the names that they have and will have', async () => {
  const interfaces = 'iface eth0 inet static\naddress 192.0.2.10/24\niface eth1 inet static\naddress 198.51.100.10\n';
  const { configuredNics } = await plan({ '/etc/network/interfaces': interfaces });
  expect(configuredNics).toEqual([
    { mac: B, name: 'eth0', addresses: ['192.0.2.10'] },
    { mac: A, name: 'eth1', addresses: ['198.51.100.10'] },
  ]);
});
