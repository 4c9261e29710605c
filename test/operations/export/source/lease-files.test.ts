import { describe, expect, test } from '@jest/globals';
import { leaseFiles } from '../../../../src/operations/export/source/lease-files.ts';
import { wantedFiles } from '../../../../src/operations/export/transfer/wanted-files.ts';
import type { LeaseDevice } from '../../../../src/vsphere/lease/nfc-lease.ts';
import { decodeDisks, type VirtualDisk } from '../../../../src/vsphere/vm/virtual-disk.ts';
import { parseXml } from '../../../../src/vsphere/soap/xml-element.ts';

function entry(key: string, facts: Partial<LeaseDevice> = {}): LeaseDevice {
  const url = new URL(`https://esx/nfc/1${key.replaceAll(':', '_')}`);
  return { key, url, sslThumbprint: '', isDisk: true, isNvram: false, fileSizeBytes: 0, ...facts };
}

interface Controller {
  type: string;
  bus: number;
  units: number[];
}

/** Creates disks 1, 2, ..., listed in reverse order, each with a different capacity. */
function hardware(...controllers: Controller[]): VirtualDisk[] {
  let key = 0;
  const devices = controllers.flatMap(({ type, bus, units }) => {
    const controllerKey = 1000 + bus;
    const disks = units.map((unit) => {
      key += 1;
      return `<device type="VirtualDisk"><key>${key}</key><deviceInfo><label>Hard disk ${key}</label></deviceInfo><controllerKey>${controllerKey}</controllerKey><unitNumber>${unit}</unitNumber><capacityInBytes>${key}</capacityInBytes></device>`;
    });
    return [`<device type="${type}"><key>${controllerKey}</key><busNumber>${bus}</busNumber></device>`, ...disks];
  });
  return decodeDisks(parseXml(`<val>${devices.toReversed().join('')}</val>`, 'test').elements);
}

/** Returns the keys of the entries from which disks 1, 2, ... are downloaded. */
const keysFor = (disks: VirtualDisk[], ...keys: string[]): string[] =>
  leaseFiles(
    keys.map((key) => entry(key)),
    disks,
  ).map(({ key }) => key);

const PVSCSI = 'ParaVirtualSCSIController';
const LSI = 'VirtualLsiLogicController';

describe('entries of a lease and disks of the hardware', () => {
  test('are matched by bus number and unit, in whatever order the entries are', () => {
    const disks = hardware({ type: LSI, bus: 0, units: [0, 1] }, { type: PVSCSI, bus: 1, units: [0] });
    expect(keysFor(disks, `/vm-1/${PVSCSI}1:0`, `/vm-1/${LSI}0:1`, `/vm-1/${LSI}0:0`)).toEqual([
      `/vm-1/${LSI}0:0`,
      `/vm-1/${LSI}0:1`,
      `/vm-1/${PVSCSI}1:0`,
    ]);
  });

  test('are matched when the key names the class of the controller in short', () => {
    const disks = hardware({ type: PVSCSI, bus: 0, units: [0] }, { type: PVSCSI, bus: 1, units: [0] });
    expect(keysFor(disks, '/vm-1/PVSCSIController1:0', '/vm-1/PVSCSIController0:0')).toEqual([
      '/vm-1/PVSCSIController0:0',
      '/vm-1/PVSCSIController1:0',
    ]);
  });

  test('are matched by the place of the controller within its class when no bus number fits', () => {
    const disks = hardware({ type: LSI, bus: 0, units: [0] }, { type: PVSCSI, bus: 1, units: [0, 1] });
    expect(keysFor(disks, `/vm-1/${PVSCSI}0:1`, `/vm-1/${PVSCSI}0:0`, `/vm-1/${LSI}0:0`)).toEqual([
      `/vm-1/${LSI}0:0`,
      `/vm-1/${PVSCSI}0:0`,
      `/vm-1/${PVSCSI}0:1`,
    ]);
  });

  test('of which only some match are refused, and no two disks get one entry', () => {
    const disks = hardware({ type: LSI, bus: 0, units: [0, 1] });
    const refusal = expect.objectContaining({
      kind: 'transfer',
      message: expect.stringMatching(/does not identify its disks.*Hard disk 2 at VirtualLsiLogic/),
    });
    expect(() => keysFor(disks, `/vm-1/${LSI}0:0`, '/vm-1/other')).toThrow(refusal);
    expect(() => keysFor(disks, `/vm-1/${LSI}0:0`, `/vm-1/${LSI}0:0`)).toThrow(refusal);
    expect(() => keysFor(disks, `/vm-1/${LSI}0:1`, `/vm-1/${LSI}0:2`)).toThrow(refusal);
  });

  test('are matched by the order of the server’s own list when no key names a place', () => {
    const disks = hardware({ type: LSI, bus: 0, units: [0, 1, 2] });
    // Disk 3 comes first in the list.
    expect(keysFor(disks, '/vm-1/disk:0', '/vm-1/disk:1', '/vm-1/disk:2')).toEqual([
      '/vm-1/disk:2',
      '/vm-1/disk:1',
      '/vm-1/disk:0',
    ]);
  });

  test('of which two share a key that names no place are refused', () => {
    expect(() => keysFor(hardware({ type: LSI, bus: 0, units: [0, 1] }), '', '')).toThrow(
      /does not identify its disks/,
    );
  });
});

describe('a disk that was not selected', () => {
  const [first, second, third] = hardware({ type: LSI, bus: 0, units: [0, 1, 2] });
  const [selected, leftOut] = [[first, third] as VirtualDisk[], [second] as VirtualDisk[]];
  const keys = (...offered: string[]): string[] =>
    leaseFiles(
      offered.map((key) => entry(key)),
      selected,
      leftOut,
    ).map(({ key }) => key);
  const [one, two, three] = [0, 1, 2].map((unit) => `/vm-1/${LSI}0:${unit}`) as [string, string, string];

  test('may be offered by the lease or not', () => {
    expect(keys(two, one, three)).toEqual([one, three]);
    expect(keys(three, one)).toEqual([one, three]);
  });

  test('does not replace a selected one, and no other entry replaces it', () => {
    expect(() => keys(one, two)).toThrow(/does not identify its disks/);
    expect(() => keys(one, three, `/vm-1/${LSI}0:7`)).toThrow(/does not identify its disks/);
    expect(() => keys(one)).toThrow('The lease offers 1 disk; the hardware of the VM has 3.');
  });

  test('counts in the order of the server’s own list, which is not known when it is not offered', () => {
    // Disk 3 comes first in the list.
    expect(keys('/vm-1/disk:0', '/vm-1/disk:1', '/vm-1/disk:2')).toEqual(['/vm-1/disk:2', '/vm-1/disk:0']);
    expect(() => keys('/vm-1/disk:0', '/vm-1/disk:1')).toThrow(/does not identify its disks/);
  });
});

test('an ISO image among the entries is neither a disk nor the NVRAM', () => {
  const devices = [
    entry('/vm-1/VirtualIDEController0:0', { isDisk: false, fileSizeBytes: 4096 }),
    entry('/vm-1/nvram', { isDisk: false, isNvram: true }),
    entry(`/vm-1/${LSI}0:0`),
  ];
  const disks = hardware({ type: LSI, bus: 0, units: [0] });
  expect(wantedFiles(leaseFiles(devices, disks), { baseName: 'web', format: 'ovf' })).toEqual([
    { key: `/vm-1/${LSI}0:0`, name: 'web-disk-1.vmdk', isDisk: true, capacityBytes: 1 },
    { key: '/vm-1/nvram', name: 'web.nvram', isDisk: false, capacityBytes: 0 },
  ]);
});
