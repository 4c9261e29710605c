import { expect, test } from '@jest/globals';
import type { BootDisk, BootMachine, DiskPlace } from '../../../../src/guest/boot/qemu/boot-machine.ts';
import { diskDevices, tooManyIdeDisks } from '../../../../src/guest/boot/qemu/disk-arguments.ts';
import { qemuArguments } from '../../../../src/guest/boot/qemu/qemu-arguments.ts';

const disk = (place: DiskPlace, bootIndex?: number): BootDisk => ({ path: '/d', format: 'raw', place, bootIndex });
const MACHINE: BootMachine = {
  machine: 'q35',
  memoryBytes: 3 * 2 ** 30,
  vcpus: 4,
  coresPerSocket: 2,
  clock: 'localtime',
  uuid: 'abcdef01-2345-6789-abcd-ef0123456789',
  firmware: { kind: 'bios' },
  disks: [disk({ bus: 'virtio' }, 1)],
  nics: [{ mac: '52:54:00:00:00:01', device: 'e1000e' }],
};
const FILES = { overlays: ['/run/a,b.qcow2'], frames: ['/run/a,b.pcap'], vars: undefined };

/** Returns the values of an option, in order. */
function valuesOf(args: readonly string[], option: string): string[] {
  return args.filter((_value, index) => args[index - 1] === option);
}

test('says the machine, stopped, unseen, and cut off from every network', () => {
  const args = qemuArguments(MACHINE, FILES, 'kvm');
  const value = (option: string) => valuesOf(args, option).join(' ');
  expect(args).toEqual(expect.arrayContaining(['-S', '-nodefaults', '-no-user-config', '-no-shutdown']));
  expect(value('-accel')).toBe('kvm');
  expect(value('-m')).toBe('3072M');
  expect(value('-smp')).toBe('4,sockets=2,cores=2,threads=1');
  expect(value('-rtc')).toBe('base=localtime');
  expect(value('-uuid')).toBe(MACHINE.uuid);
  expect(value('-display')).toBe('none');
  expect(value('-netdev')).toBe('user,id=net0,restrict=on');
  expect(valuesOf(args, '-device')).toContain('e1000e,netdev=net0,mac=52:54:00:00:00:01,romfile=,bus=port0');
});

test('the port of the guest agent is there unless the domain has no channel for it', () => {
  const devices = (hasAgentPort?: boolean) =>
    valuesOf(qemuArguments({ ...MACHINE, hasAgentPort }, FILES, 'tcg'), '-device');
  const port = expect.stringContaining('name=org.qemu.guest_agent.0');
  expect(devices()).toContainEqual(port);
  expect(devices(true)).toContainEqual(port);
  expect(devices(false)).not.toContainEqual(port);
});

test('NICs are at PCI addresses in their order, behind root ports or on the root bus as the domain has them', () => {
  const nic = (last: number, changes = {}) => ({
    mac: `52:54:00:00:00:0${last}`,
    device: 'virtio-net-pci',
    ...changes,
  });
  const devicesOf = (changes: Partial<BootMachine>): string[] =>
    valuesOf(qemuArguments({ ...MACHINE, ...changes }, FILES, 'tcg'), '-device')
      .filter((text) => /net|port\d/.test(text))
      .map((text) => text.replace(/netdev=.*romfile=/, ''));
  expect(devicesOf({ nics: [nic(1, { onRootBus: true }), nic(2), nic(3)] })).toEqual([
    'virtio-net-pci,,addr=0x10',
    'pcie-root-port,id=port1,chassis=2,addr=0x11',
    'virtio-net-pci,,bus=port1',
    'pcie-root-port,id=port2,chassis=3,addr=0x12',
    'virtio-net-pci,,bus=port2',
  ]);
  expect(devicesOf({ machine: 'pc', nics: [nic(1), nic(2)] })).toEqual([
    'virtio-net-pci,,addr=0x10',
    'virtio-net-pci,,addr=0x11',
  ]);
  expect(devicesOf({ nics: Array.from({ length: 11 }, () => nic(1)) }).join()).not.toMatch(/addr|bus|port/);
});

test('paths with commas stay whole', () => {
  const args = qemuArguments(MACHINE, FILES, 'tcg');
  expect(valuesOf(args, '-blockdev').map((text) => JSON.parse(text))).toEqual([
    expect.objectContaining({
      'node-name': 'disk0',
      driver: 'qcow2',
      file: { driver: 'file', filename: '/run/a,b.qcow2' },
    }),
  ]);
  expect(
    valuesOf(args, '-object')
      .filter((text) => text.startsWith('{'))
      .map((text) => JSON.parse(text)),
  ).toEqual([expect.objectContaining({ 'qom-type': 'filter-dump', netdev: 'net0', file: '/run/a,b.pcap' })]);
});

test('UEFI gets its pair of flash images, the code read-only, and secure boot its system management mode', () => {
  const firmware = {
    kind: 'uefi',
    codePath: '/f/code',
    codeFormat: 'raw',
    varsPath: '/f/vars',
    varsFormat: 'qcow2',
  } as const;
  const plain = qemuArguments(
    { ...MACHINE, firmware: { ...firmware, needsSmm: false } },
    { ...FILES, vars: '/run/v' },
    'kvm',
  );
  expect(
    valuesOf(plain, '-blockdev')
      .map((text) => JSON.parse(text))
      .slice(0, 2),
  ).toEqual([
    { 'node-name': 'code', driver: 'raw', 'read-only': true, file: { driver: 'file', filename: '/f/code' } },
    { 'node-name': 'vars', driver: 'qcow2', file: { driver: 'file', filename: '/run/v' } },
  ]);
  expect(valuesOf(plain, '-machine')).toEqual(['q35,graphics=off,pflash0=code,pflash1=vars']);
  const secure = qemuArguments(
    { ...MACHINE, firmware: { ...firmware, needsSmm: true } },
    { ...FILES, vars: '/run/v' },
    'kvm',
  );
  expect(valuesOf(secure, '-machine')[0]).toContain('smm=on');
  expect(valuesOf(secure, '-global')).toEqual(['driver=cfi.pflash01,property=secure,value=on']);
});

test('controllers come before their disks, and more when one is full', () => {
  const seven = Array.from({ length: 7 }, () => disk({ bus: 'sata' }));
  expect(diskDevices(seven, 'q35').slice(-3)).toEqual([
    'ide-hd,bus=ide.5,drive=disk5',
    'ahci,id=sata1',
    'ide-hd,bus=sata1.0,drive=disk6',
  ]);
  expect(diskDevices(seven, 'pc').slice(0, 2)).toEqual(['ahci,id=sata0', 'ide-hd,bus=sata0.0,drive=disk0']);
  const scsi = { bus: 'scsi', target: 3, lun: 1 } as const;
  const mixed = [
    disk({ ...scsi, model: 'pvscsi', controller: 1 }, 2),
    disk({ bus: 'virtio' }, 1),
    disk({ ...scsi, model: 'pvscsi', controller: 1, target: 4 }),
    disk({ ...scsi, model: 'virtio-scsi-pci', controller: 0 }),
  ];
  expect(diskDevices(mixed, 'q35')).toEqual([
    'virtio-blk-pci,drive=disk1,bootindex=1',
    'pvscsi,id=scsi1',
    'scsi-hd,bus=scsi1.0,channel=0,scsi-id=3,lun=1,drive=disk0,bootindex=2',
    'scsi-hd,bus=scsi1.0,channel=0,scsi-id=4,lun=1,drive=disk2',
    'virtio-scsi-pci,id=scsi0',
    'scsi-hd,bus=scsi0.0,channel=0,scsi-id=3,lun=1,drive=disk3',
  ]);
});

test('disks have the serials of the domain', () => {
  const serial = '6000c29a1b2c3d4e5f60718293a4b5c6';
  const disks = (['virtio', 'nvme', 'sata'] as const).map((bus) => ({ ...disk({ bus }), serial }));
  expect(diskDevices(disks, 'q35')).toEqual([
    `virtio-blk-pci,drive=disk0,serial=${serial}`,
    `nvme,drive=disk1,serial=${serial}`,
    `ide-hd,bus=ide.0,drive=disk2,serial=${serial}`,
  ]);
  expect(diskDevices([disk({ bus: 'nvme' })], 'q35')).toEqual(['nvme,drive=disk0,serial=disk0']);
});

test('IDE has four places', () => {
  const ide = Array.from({ length: 4 }, () => disk({ bus: 'ide' }));
  expect(diskDevices(ide, 'pc').at(-1)).toBe('ide-hd,bus=ide.1,unit=1,drive=disk3');
  expect(tooManyIdeDisks(ide)).toBe(false);
  expect(tooManyIdeDisks([...ide, disk({ bus: 'ide' })])).toBe(true);
});
