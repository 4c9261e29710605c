import { expect, test } from '@jest/globals';
import type { Guest } from '../../../../src/guest/guest.ts';
import { treeOfFiles, type TreeContent } from '../../contract/tree-of-files.ts';
import { multipath } from '../../../../src/guest/linux/volumes/multipath.ts';
import { readDiskAliases } from '../../../../src/guest/inspect/disks/disk-names.ts';
import { storageNames } from '../../../../src/guest/linux/volumes/storage-names.ts';
import { plannedOn, type Planned } from '../planned-on.ts';

const [A, B, OTHER] = [
  '6000c29a1b2c3d4e5f60718293a4b5c6',
  '6000c29f0f0f0f0f0f0f0f0f0f0f0f0f',
  '6000c29eeeeeeeeeeeeeeeeeeeeeeeee',
];

const GUEST = {
  disks: [
    { path: 'a.qcow2', format: 'qcow2', uuid: A },
    { path: 'b.qcow2', format: 'qcow2', uuid: B },
  ],
  diskOrder: [0, 1],
  devices: [
    { name: '/dev/sda1', disk: 0, partition: 1, type: 'ext4', uuid: 'root' },
    { name: '/dev/sdb1', disk: 1, partition: 1, type: 'xfs', uuid: 'data' },
    { name: '/dev/sdb2', disk: 1, partition: 2, type: 'crypto_LUKS', uuid: 'vault' },
  ],
} satisfies Partial<Guest>;

async function planned(content: TreeContent, guest: Partial<Guest> = GUEST): Promise<Planned> {
  const disks = guest.disks ?? GUEST.disks;
  const aliases = await readDiskAliases(treeOfFiles(content), disks);
  return await plannedOn(content, storageNames, { ...guest, aliases });
}

const BINDINGS = `# made by multipathd\nmpatha 3${A}\nmpathb 3${B}\nmpathx 3${OTHER}\n`;
const RULES = [
  `KERNEL=="sd?1", SUBSYSTEM=="block", PROGRAM=="/lib/udev/scsi_id -g -u -d /dev/$parent", RESULT=="3${B}", SYMLINK+="data"`,
  `SUBSYSTEM=="block", ENV{ID_SERIAL}=="3${B}", ENV{DEVTYPE}=="partition", SYMLINK+="disks/b-part%n"`,
  `SUBSYSTEM=="block", ENV{ID_WWN}=="0x6000c29f", SYMLINK+="short"`,
  '',
].join('\n');
const FILES = { '/etc/multipath/bindings': BINDINGS, '/etc/udev/rules.d/99-disks.rules': RULES };

test.each([
  [`/dev/disk/by-id/wwn-0x${B}-part1`],
  [`/dev/disk/by-id/scsi-3${B}-part1`],
  [`/dev/disk/by-id/scsi-SVMware_Virtual_disk_${B}-part1`],
  [`/dev/mapper/3${B}-part1`],
  [`/dev/mapper/3${B}p1`],
  [`/dev/mapper/3${B}1`],
  ['/dev/disk/by-id/wwn-0x6000c29f0f0f0f0f-part1'],
  ['/dev/mapper/36000c29f0f0f0f0f-part1'],
  ['/dev/mapper/mpathb-part1'],
  ['/dev/mapper/mpathb1'],
  ['/dev/data'],
  ['/dev/disks/b-part1'],
])('%s in fstab becomes the UUID of what it means', async (spec) => {
  const { read, obstacles } = await planned({ ...FILES, '/etc/fstab': `${spec} /srv xfs defaults 0 2\n` });
  expect(await read('/etc/fstab')).toBe('UUID=data /srv xfs defaults 0 2\n');
  expect(obstacles).toEqual([]);
});

test('crypttab is renamed too', async () => {
  const { read } = await planned({ '/etc/crypttab': `vault /dev/disk/by-id/wwn-0x${B}-part2 none luks\n` });
  expect(await read('/etc/crypttab')).toBe('vault UUID=vault none luks\n');
});

test.each([
  [`/dev/disk/by-id/wwn-0x${OTHER}-part1`, 'is not a device of this VM'],
  ['/dev/mapper/mpathx1', 'is not a device of this VM'],
  ['/dev/short', 'is not a device of this VM'],
  ['/dev/sdf1', 'is not a device of this VM'],
])('%s, which is not a disk of the VM, gets nofail', async (spec, reason) => {
  const before = `${spec} /srv xfs defaults 0 2\n${spec}\t/opt/data\txfs\tnoatime\t0\t2\n`;
  const { read, warnings, obstacles, changes } = await planned({ ...FILES, '/etc/fstab': before });
  expect(await read('/etc/fstab')).toBe(`${spec} /srv xfs nofail 0 2\n${spec}\t/opt/data\txfs\tnoatime,nofail\t0\t2\n`);
  expect(warnings).toContain(
    `/etc/fstab names ${spec}, which ${reason}: the line gets nofail, so that the guest starts without it.`,
  );
  expect(obstacles).toEqual([]);
  expect(changes[0]?.details).toEqual(['options defaults → nofail', 'options noatime → noatime,nofail']);
});

test('what the system does not start without is an obstacle', async () => {
  const spec = `/dev/disk/by-id/wwn-0x${OTHER}-part1`;
  const { obstacles, changes } = await planned({ '/etc/fstab': `${spec} /usr ext4 defaults 0 2\n` });
  expect(obstacles).toEqual([`/etc/fstab names ${spec}, which is not a device of this VM: the line stays as it is.`]);
  expect(changes).toEqual([]);
});

test('with several disks of unknown ids the reason is that of the source; the only disk is meant without one', async () => {
  const fstab = { '/etc/fstab': `/dev/disk/by-id/wwn-0x${A}-part1 /srv ext4 defaults 0 2\n` };
  const plain = GUEST.disks.map(({ path, format }) => ({ path, format }));
  const { warnings } = await planned(fstab, { ...GUEST, disks: plain });
  expect(warnings[0]).toContain('is the id of a disk on VMware, and the source does not specify which disk has it');
  const one = await planned(fstab, { ...GUEST, disks: plain.slice(0, 1) });
  expect(await one.read('/etc/fstab')).toBe('UUID=root /srv ext4 defaults 0 2\n');
  const another = await planned(fstab, { ...GUEST, disks: [{ path: 'c', format: 'raw', uuid: OTHER }] });
  expect(await another.read('/etc/fstab')).toContain('nofail');
});

test('rules that match by an id on VMware are named', async () => {
  const { warnings } = await planned(FILES);
  expect(warnings).toEqual([
    "/etc/udev/rules.d/99-disks.rules makes /dev/data, /dev/disks/b-part%n, /dev/short by a disk's id on VMware, which no disk has on KVM: see what else uses it.",
  ]);
});

test('multipath forgets the ids of VMware, and keeps off the disks of KVM', async () => {
  const conf = `defaults {\n\tfind_multipaths no\n}\nblacklist {\n\tdevnode "^hd"\n\twwid "3${A}"\n\twwid 3${B}\n}\n`;
  const content = {
    '/etc/multipath/wwids': `# wwids\n/3${A}/\n/360a98000/\n`,
    '/etc/multipath/bindings': BINDINGS,
    '/etc/multipath.conf': conf,
  };
  const { read } = await plannedOn(content, multipath);
  expect(await read('/etc/multipath/wwids')).toBe('# wwids\n/360a98000/\n');
  expect(await read('/etc/multipath/bindings')).toBe('# made by multipathd\n');
  const after = await read('/etc/multipath.conf');
  expect(after).toBe(
    'defaults {\n\tfind_multipaths no\n}\nblacklist {\n\tdevnode "^hd"\n\tdevnode "^vd[a-z]"\n\tdevice { vendor "QEMU" product "QEMU HARDDISK" }\n}\n',
  );
  expect((await plannedOn({ '/etc/multipath.conf': after ?? '' }, multipath)).changes).toEqual([]);
});
