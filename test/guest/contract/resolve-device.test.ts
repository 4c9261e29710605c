import { describe, expect, test } from '@jest/globals';
import type { TargetDisk } from '../../../src/guest/contract/boot-check.ts';
import { parseCrypttab } from '../../../src/guest/config/crypttab.ts';
import { parseMdadmConf } from '../../../src/guest/config/mdadm-conf.ts';
import { parseUdevRules } from '../../../src/guest/config/udev-rules.ts';
import { resolveDevice, type DeviceNames } from '../../../src/guest/contract/resolve-device.ts';
import { udevLinks } from '../../../src/guest/contract/udev-links.ts';
import type { BlockDevice } from '../../../src/guest/guest.ts';

const BOOT: BlockDevice = {
  name: '/dev/sda1',
  disk: 0,
  partition: 1,
  type: 'ext4',
  uuid: 'aaaaaaaa-0000-4000-8000-000000000001',
  label: 'boot disk',
  partUuid: '0badcafe-01',
  partLabel: 'first',
};
const CLOSED: BlockDevice = { name: '/dev/sda2', disk: 0, partition: 2, type: 'crypto_LUKS', uuid: 'cccc-2' };
const DATA: BlockDevice = { name: '/dev/sdb', disk: 1, type: 'xfs', uuid: 'bbbbbbbb-0000-4000-8000-000000000002' };
const ROOT: BlockDevice = { name: '/dev/my-vg/root', type: 'ext4', volumeGroup: 'my-vg' };
const ARRAY: BlockDevice = {
  name: '/dev/md127',
  type: 'ext4',
  arrayUuid: '11111111:22222222:33333333:44444444',
  arrayName: 'data',
};

const VIRTIO: TargetDisk[] = [
  { driver: 'virtio_blk', names: 'vd', serial: '6000C29a-1b2c-3d4e-5f60-718293a4b5c6' },
  { driver: 'virtio_blk', names: 'vd', serial: 'data' },
];
const SCSI: TargetDisk[] = VIRTIO.map((disk) => ({ ...disk, driver: 'virtio_scsi', names: 'sd' }));
const SATA: TargetDisk[] = VIRTIO.map((disk) => ({ ...disk, driver: 'ahci', names: 'sd' }));

function names(changes: Partial<DeviceNames> = {}, disks = VIRTIO): DeviceNames {
  return {
    devices: [BOOT, DATA, ROOT, ARRAY],
    hardware: { firmware: 'bios', secureBoot: false, disks, nics: [] },
    mounts: [{ mountable: ROOT.name, path: '/' }],
    crypttab: [],
    arrays: [],
    links: [],
    multipath: [],
    ...changes,
  };
}

/** Returns the appliance's name of the device that was found, or the state of the resolution. */
function leadsTo(spec: string, known = names()): string {
  const resolution = resolveDevice(spec, known);
  return resolution.state === 'found' ? resolution.device.name : resolution.state;
}

describe('names that follow the content', () => {
  test.each([
    [`UUID=${BOOT.uuid}`, '/dev/sda1'],
    [`UUID="${BOOT.uuid?.toUpperCase()}"`, '/dev/sda1'],
    [`/dev/disk/by-uuid/${DATA.uuid}`, '/dev/sdb'],
    ['LABEL=boot\\040disk', '/dev/sda1'],
    ['/dev/disk/by-label/boot\\x20disk', '/dev/sda1'],
    ['LABEL=Boot\\040disk', 'missing'],
    ['PARTUUID=0badcafe-01', '/dev/sda1'],
    ['PARTLABEL=first', '/dev/sda1'],
    ['UUID=00000000-0000-4000-8000-000000000000', 'missing'],
    ['/dev/root', '/dev/my-vg/root'],
    ['/dev/system', 'missing'],
    ['/dev/sr0', 'unknown'],
    ['/dev/dm-0', 'unknown'],
  ])('%s leads to %s', (spec, expected) => {
    expect(leadsTo(spec)).toBe(expected);
  });

  test('two devices with one UUID cannot be judged, unless they are one btrfs file system', () => {
    const twice = (type: string) => names({ devices: [BOOT, { ...DATA, type }, { ...DATA, name: '/dev/sdc', type }] });
    expect(leadsTo(`UUID=${DATA.uuid}`, twice('xfs'))).toBe('unknown');
    expect(leadsTo(`UUID=${DATA.uuid}`, twice('btrfs'))).toBe('/dev/sdb');
  });

  test('what is not found may be in an encrypted volume that was not opened', () => {
    const spec = 'UUID=00000000-0000-4000-8000-000000000000';
    expect(leadsTo(spec, names({ devices: [BOOT, CLOSED] }))).toBe('unknown');
    expect(leadsTo(spec, names({ devices: [BOOT, CLOSED, { name: '/dev/mapper/luks-cccc-2', type: 'ext4' }] }))).toBe(
      'missing',
    );
  });
});

describe('names that follow the hardware', () => {
  test.each([
    ['/dev/sda1', 'missing', '/dev/sda1'],
    ['/dev/vda1', '/dev/sda1', 'missing'],
    ['/dev/vdb', '/dev/sdb', 'missing'],
    ['/dev/sdb', 'missing', '/dev/sdb'],
    ['/dev/vdc1', 'missing', 'missing'],
    ['/dev/nvme0n1p1', 'missing', 'missing'],
    ['/dev/disk/by-id/wwn-0x6000c29a1b2c3d4e5f60718293a4b5c6-part1', 'missing', 'missing'],
    ['/dev/disk/by-id/scsi-36000c29a1b2c3d4e5f60718293a4b5c6-part1', 'missing', 'missing'],
    ['/dev/disk/by-id/virtio-6000C29a-1b2c-3d4e-5-part1', '/dev/sda1', 'missing'],
    ['/dev/disk/by-id/virtio-data', '/dev/sdb', 'missing'],
    ['ID=scsi-0QEMU_QEMU_HARDDISK_data', 'missing', '/dev/sdb'],
    ['/dev/disk/by-path/pci-0000:03:00.0-scsi-0:0:0:0-part1', 'missing', 'unknown'],
  ])('%s leads on virtio-blk to %s, on virtio-scsi to %s', (spec, onVirtio, onScsi) => {
    expect([leadsTo(spec), leadsTo(spec, names({}, SCSI))]).toEqual([onVirtio, onScsi]);
  });

  test('a SATA disk is called after its serial, and counted apart from virtio disks', () => {
    expect(leadsTo('/dev/disk/by-id/ata-QEMU_HARDDISK_data', names({}, SATA))).toBe('/dev/sdb');
    const mixed = names({}, [...VIRTIO.slice(0, 1), ...SATA.slice(1)]);
    expect([leadsTo('/dev/sda', mixed), leadsTo('/dev/vda1', mixed)]).toEqual(['/dev/sdb', '/dev/sda1']);
  });

  test('NVMe disks are numbered', () => {
    const nvme = names({}, [
      { driver: 'nvme', names: 'nvme' },
      { driver: 'nvme', names: 'nvme' },
    ]);
    expect([leadsTo('/dev/nvme0n1p1', nvme), leadsTo('/dev/nvme1n1', nvme)]).toEqual(['/dev/sda1', '/dev/sdb']);
  });
});

describe('volumes and arrays', () => {
  test.each(['/dev/my-vg/root', '/dev/mapper/my--vg-root', '/dev/disk/by-id/dm-name-my--vg-root'])(
    '%s is a logical volume',
    (spec) => {
      expect(leadsTo(spec)).toBe('/dev/my-vg/root');
    },
  );

  test('an unknown volume is missing', () => {
    expect([leadsTo('/dev/other/root'), leadsTo('/dev/mapper/other-root')]).toEqual(['missing', 'missing']);
  });

  test('a volume of crypttab exists if its source does', () => {
    const opened: BlockDevice = { name: '/dev/mapper/secret', type: 'ext4' };
    const withSource = (source: string) =>
      names({ devices: [BOOT, CLOSED, opened], crypttab: parseCrypttab(`secret ${source} none luks\n`) });
    expect(leadsTo('/dev/mapper/secret', withSource('UUID=cccc-2'))).toBe('/dev/mapper/secret');
    expect(leadsTo('/dev/mapper/secret', withSource('/dev/vda2'))).toBe('/dev/mapper/secret');
    expect(leadsTo('/dev/mapper/secret', withSource('/dev/sda2'))).toBe('missing');
    expect(leadsTo('/dev/mapper/secret', names({ devices: [BOOT, opened] }))).toBe('missing');
    expect(leadsTo('/dev/mapper/a', names({ crypttab: parseCrypttab('a /dev/mapper/b\nb /dev/mapper/a\n') }))).toBe(
      'missing',
    );
  });

  test('mdadm.conf names an array by its UUID, else its metadata does', () => {
    const conf = 'ARRAY /dev/md0 metadata=1.2 UUID=11111111:22222222:33333333:44444444 name=old:0\n';
    expect(leadsTo('/dev/md0', names({ arrays: parseMdadmConf(conf).arrays }))).toBe('/dev/md127');
    expect(leadsTo('/dev/md/data')).toBe('/dev/md127');
    expect(leadsTo('/dev/md0')).toBe('unknown');
    expect(leadsTo('/dev/md0', names({ devices: [BOOT] }))).toBe('missing');
    const other = conf.replace('11111111', '99999999');
    expect(leadsTo('/dev/md0', names({ arrays: parseMdadmConf(other).arrays }))).toBe('missing');
    expect(leadsTo('/dev/disk/by-id/md-uuid-11111111:22222222:33333333:44444444')).toBe('/dev/md127');
  });
});

test('a name of multipath leads to the SCSI disk with its WWID', () => {
  const bound = (wwid: string, disks: TargetDisk[]) =>
    leadsTo('/dev/mapper/mpatha', names({ multipath: [{ name: 'mpatha', wwid, line: 1 }] }, disks));
  expect(bound('36000c29f0f0f0f0f0f0f0f0f0f0f0f0f', SCSI)).toBe('missing');
  expect(bound('0QEMU_QEMU_HARDDISK_data', SCSI)).toBe('/dev/sdb');
  expect(bound('0QEMU_QEMU_HARDDISK_data', VIRTIO)).toBe('missing');
});

describe("links of the guest's own udev rules", () => {
  const linked = (rule: string, disks = VIRTIO) =>
    leadsTo('/dev/data', names({ links: udevLinks('/etc/udev/rules.d/99-data.rules', parseUdevRules(rule)) }, disks));

  test('a rule on the content holds on all hardware', () => {
    const rule = `SUBSYSTEM=="block", ENV{ID_FS_UUID}=="${DATA.uuid}", SYMLINK+="data"`;
    expect([linked(rule), linked(rule, SCSI)]).toEqual(['/dev/sdb', '/dev/sdb']);
  });

  test("a rule on VMware's SCSI id matches no disk", () => {
    const rule =
      'KERNEL=="sd?", SUBSYSTEM=="block", PROGRAM="/lib/udev/scsi_id -g -u -d /dev/$name", \\\n  RESULT=="36000c29f0f0f0f0f0f0f0f0f0f0f0f0f", SYMLINK+="data"';
    expect([linked(rule), linked(rule, SCSI)]).toEqual(['missing', 'missing']);
    expect(linked('ENV{ID_SERIAL}=="36000c29f0f0f0f0f0f0f0f0f0f0f0f0f", SYMLINK+="data"')).toBe('missing');
  });

  test('a rule on the kernel name holds on the hardware with such names', () => {
    const rule = 'KERNEL=="sdb", SYMLINK+="data"';
    expect([linked(rule), linked(rule, SCSI)]).toEqual(['missing', '/dev/sdb']);
  });

  test('a rule on the serial holds where the disk keeps it', () => {
    expect(linked('SUBSYSTEM=="block", ATTRS{serial}=="data", ENV{DEVTYPE}=="disk", SYMLINK+="data"')).toBe('/dev/sdb');
  });

  test('virtio-blk cuts the serial that the domain keeps', () => {
    const serial = '6000c29a1b2c3d4e5f60718293a4b5c6';
    const disks = [
      VIRTIO[0] ?? { driver: 'virtio_blk', names: 'vd' },
      { driver: 'virtio_blk', names: 'vd', serial } as const,
    ];
    const rule = (value: string) => `ENV{DEVTYPE}=="disk", ATTRS{serial}=="${value}", SYMLINK+="data"`;
    expect([linked(rule(serial), disks), linked(rule(serial.slice(0, 20)), disks)]).toEqual(['missing', '/dev/sdb']);
  });

  test('a rule with a key that cannot be judged, or for several devices, is not a result', () => {
    expect(linked('SUBSYSTEM=="block", TEST=="/run/x", SYMLINK+="data"')).toBe('unknown');
    expect(linked('SUBSYSTEM=="block", KERNEL=="vd*", SYMLINK+="data"')).toBe('unknown');
  });
});
