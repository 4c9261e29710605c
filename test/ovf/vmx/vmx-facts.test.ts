import { expect, test } from '@jest/globals';
import { readVmx } from '../../../src/ovf/vmx/vmx-facts.ts';
import { looksLikeVmx, MOST_VMX_BYTES } from '../../../src/ovf/vmx/vmx-text.ts';
import { smallVmx, VMX } from '../vmx-samples.ts';

function read(text: string | Buffer) {
  return readVmx(typeof text === 'string' ? Buffer.from(text) : text, 'web.vmx');
}

test('a machine of ESXi is read with its controllers, disks, cards and firmware; devices that are not present are not', () => {
  expect(read(VMX)).toEqual({
    name: 'web-01 "Büro"',
    uuid: '564d3c5a-0b9b-d0d5-4b0e-648b4b1f5a0c',
    guestId: 'debian12-64',
    memoryBytes: 4 * 2 ** 30,
    vcpus: 4,
    coresPerSocket: 2,
    firmware: 'uefi',
    secureBoot: true,
    tpm: false,
    cdRoms: 1,
    disks: [
      ['scsi0:0', 'web-01.vmdk', { kind: 'pvscsi', address: 0, pciSlotNumber: 160 }, 0, 2],
      ['scsi0:1', 'web-01_1.vmdk', { kind: 'pvscsi', address: 0, pciSlotNumber: 160 }, 1, 3],
      ['scsi1:0', 'data/web-01_2.vmdk', { kind: 'lsilogicsas', address: 1, pciSlotNumber: 192 }, 0, 1],
      ['sata0:1', 'web-01_3.vmdk', { kind: 'sata', address: 0 }, 1, 4],
    ].map(([place, fileName, controller, unitNumber, bootOrder]) => ({
      place,
      fileName,
      controller,
      unitNumber,
      bootOrder,
    })),
    nics: [
      { mac: '00:0c:29:1f:5a:0c', model: 'vmxnet3', network: 'VM Network', pciSlotNumber: 192 },
      { mac: '00:50:56:00:00:02', model: 'e1000e', network: 'Back end', pciSlotNumber: undefined },
    ],
  });
});

test('what a machine does not tell is not made up', () => {
  expect(read(smallVmx())).toMatchObject({
    uuid: undefined,
    guestId: undefined,
    memoryBytes: undefined,
    vcpus: 1,
    coresPerSocket: undefined,
    firmware: 'bios',
    secureBoot: false,
    nics: [],
    disks: [{ controller: { kind: 'ide', address: 0 }, unitNumber: 0, bootOrder: 1 }],
  });
});

test.each([
  ['windows-1252', Buffer.from(smallVmx('.encoding = "windows-1252"').replace('small', 'B\u{fc}ro'), 'latin1'), 'Büro'],
  [
    'Shift_JIS',
    Buffer.from(smallVmx('.encoding = "Shift_JIS"').replace('small', '\x83e\x83X\x83g'), 'latin1'),
    'テスト',
  ],
  ['UTF-8 that is not told', Buffer.from(smallVmx().replace('small', 'Büro')), 'Büro'],
  ['something else that is not told', Buffer.from(smallVmx().replace('small', 'B\u{fc}ro'), 'latin1'), 'Büro'],
  ['lines as Windows ends them', Buffer.from(smallVmx().replaceAll('\n', '\r\n')), 'small'],
])('a name in %s is read', (_encoding, bytes, name) => {
  expect(read(bytes)).toMatchObject({ name, disks: [{ fileName: 'disk.vmdk' }] });
});

test.each([
  ['is encrypted', smallVmx('encryption.keySafe = "vmware:key/list"'), /it is encrypted/],
  ['has two values of a key', smallVmx('displayName = "other"'), /two values for displayname/],
  [
    'has a disk of the host',
    smallVmx('ide1:0.present = "TRUE"', 'ide1:0.deviceType = "rawDisk"', 'ide1:0.fileName = "sda"'),
    /its ide1:0 is a device of the host/,
  ],
  ['names no file for a disk', smallVmx('ide1:0.present = "TRUE"'), /its disk ide1:0 names no file/],
  ['has no valid memory', smallVmx('memsize = "-4"'), /its memsize is "-4"/],
  ['has too many processors', smallVmx('numvcpus = "99999"'), /number of processors/],
  ['is in an unknown encoding', smallVmx('.encoding = "klingon"'), /not valid text in its encoding, klingon/],
  [
    'is not in its encoding',
    Buffer.from(smallVmx('.encoding = "UTF-8"', 'a = "\u{fc}"'), 'latin1'),
    /not valid text in its encoding, UTF-8/,
  ],
  ['has no end', Buffer.alloc(MOST_VMX_BYTES + 1, 'a = "b"\n'), /too long for a/],
] as [string, string | Buffer, RegExp][])('a machine that %s is refused', (_what, text, message) => {
  expect(() => read(text)).toThrow(message);
  expect(() => read(text)).toThrow(expect.objectContaining({ kind: 'image' }));
});

test('a CD-ROM drive that ESX passes through is a CD-ROM drive', () => {
  const lines = ['scsi0.present = "TRUE"', 'scsi0:1.present = "TRUE"', 'scsi0:1.deviceType = "scsi-passthru"'];
  const facts = read(smallVmx(...lines, 'scsi0:1.fileName = "/vmfs/devices/cdrom/mpx.vmhba32:C0:T0:L0"'));
  expect(facts.disks).toHaveLength(1);
  expect(facts.cdRoms).toBe(1);
  expect(() => read(smallVmx(...lines, 'scsi0:1.fileName = "/vmfs/devices/genscsi/x"'))).toThrow(
    /a device of the host/,
  );
});

test('only what is present and has a controller is a device, however many are named', () => {
  const many = Array.from({ length: 20_000 }, (_, at) => `scsi${at % 9999}:${at % 64}.present = "TRUE"`);
  expect(read(smallVmx(...new Set(many))).disks).toHaveLength(1);
});

test.each([
  ['of ESXi', VMX, true],
  ['without an encoding', smallVmx(), true],
  ['that is a descriptor of a disk', '# Disk DescriptorFile\nversion=1\nencoding="UTF-8"\nCID=fffffffe\n', false],
  ['with a NUL', `${VMX.slice(0, 100)}\0`, false],
  ['of an OVF', '<?xml version="1.0" encoding="UTF-8"?><Envelope xmlns="x"/>', false],
])('a text %s is told by its content', (_what, text, expected) => {
  expect(looksLikeVmx(Buffer.from(text))).toBe(expected);
});

test.each([
  ['"0"', 0],
  ['"-18000"', -18_000],
  ['"x"', undefined],
  ['"900000"', undefined],
])('rtc.diffFromUTC = %s', (value, seconds) => {
  expect(read(smallVmx(`rtc.diffFromUTC = ${value}`)).clockOffsetSeconds).toBe(seconds);
});
