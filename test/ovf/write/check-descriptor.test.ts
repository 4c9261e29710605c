import { expect, test } from '@jest/globals';
import { checkDescriptor, checkPartialDescriptor } from '../../../src/ovf/write/check-descriptor.ts';

const FILES = [
  { name: 'my vm & co-disk-1.vmdk', sizeBytes: 1234 },
  { name: 'my vm.nvram', sizeBytes: 99 },
];

/** The form that vSphere returns. */
const GOOD = `<?xml version="1.0" encoding="UTF-8"?>
<!--Generated-->
<Envelope vmw:buildId="build-1" xmlns="http://schemas.dmtf.org/ovf/envelope/1" xmlns:ovf="http://schemas.dmtf.org/ovf/envelope/1" xmlns:vmw="http://www.vmware.com/schema/ovf">
  <References>
    <File ovf:href="my vm &amp; co-disk-1.vmdk" ovf:id="file1" ovf:size="1234" vmw:size="7"/>
    <File ovf:href="my%20vm.nvram" ovf:id="file2" ovf:size="99"/>
  </References>
  <DiskSection>
    <Info>Disks</Info>
    <Disk ovf:capacity="10" ovf:capacityAllocationUnits="byte * 2^30" ovf:diskId="vmdisk1" ovf:fileRef="file1" ovf:populatedSize="500"/>
    <Disk ovf:capacity="20" ovf:capacityAllocationUnits="MegaBytes" ovf:diskId="vmdisk2"/>
  </DiskSection>
  <VirtualSystem ovf:id="x"><Info> a &lt;b&gt; </Info></VirtualSystem>
</Envelope>`;

const FACTS = {
  files: FILES,
  disks: [
    { diskId: 'vmdisk1', fileName: 'my vm & co-disk-1.vmdk', capacityBytes: 10 * 2 ** 30, populatedBytes: 500 },
    { diskId: 'vmdisk2', fileName: undefined, capacityBytes: 20 * 2 ** 20, populatedBytes: undefined },
  ],
};

test('a descriptor that fits its files gives its facts', () => {
  expect(checkDescriptor(GOOD, FILES)).toEqual(FACTS);
  expect(checkDescriptor(GOOD + ' '.repeat(10_000) + '\n', FILES)).toEqual(FACTS);
});

test('the prefix is the document’s choice', () => {
  const prefixed = GOOD.replaceAll(/<(\/?)([A-Z])/g, '<$1o:$2')
    .replaceAll('ovf:', 'o:')
    .replace('xmlns=', 'xmlns:unused=')
    .replace('xmlns:ovf=', 'xmlns:o=');
  expect(checkDescriptor(prefixed, FILES)).toEqual(FACTS);
  expect(checkDescriptor(GOOD.replaceAll(/ ovf:/g, ' '), FILES)).toEqual(FACTS);
});

test('a file without a size is accepted: the attribute is optional', () => {
  expect(checkDescriptor(GOOD.replace('ovf:size="99"', ''), FILES).files).toHaveLength(2);
});

test.each([
  [
    'a wrong size',
    GOOD.replace('"1234"', '"0"'),
    /gives my vm & co-disk-1\.vmdk a size of 0 bytes, but the file has 1234/,
  ],
  ['a file that was not exported', GOOD.replace('my%20vm.nvram', 'other'), /names "other", which was not exported/],
  ['a file that is not named', GOOD.replace(/<File[^>]*nvram[^>]*>/, ''), /does not name my vm\.nvram/],
  [
    'a file named twice',
    GOOD.replace('my%20vm.nvram', 'my vm &amp; co-disk-1.vmdk').replace('"99"', '"1234"'),
    /names a file twice/,
  ],
  ['a file id that comes twice', GOOD.replace('"file2"', '"file1"'), /names a file twice/],
  [
    'a disk of a file that is not there',
    GOOD.replace('fileRef="file1"', 'fileRef="file9"'),
    /refers to the file ID file9/,
  ],
  ['a capacity that is no number', GOOD.replace('capacity="10"', 'capacity="${x}"'), /vmdisk1 has no valid capacity/],
  ['an unknown unit', GOOD.replace('byte * 2^30', 'furlong'), /unknown unit "furlong"/],
  ['a document type', GOOD.replace('<!--Generated-->', '<!DOCTYPE x [<!ENTITY a "b">]>'), /document type/],
  ['an unknown entity', GOOD.replace('&amp; co', '&co; co'), /unknown entity &co;/],
  ['a cut text', GOOD.slice(0, -20), /not well-formed/],
  ['another root', '<html/>', /root element is html/],
  ['another namespace', GOOD.replaceAll('schemas.dmtf.org', 'example.org'), /not in the OVF namespace/],
  ['nothing', '', /./],
])('%s is refused', (_what, text, message) => {
  expect(() => checkDescriptor(text, FILES)).toThrow(
    expect.objectContaining({ kind: 'transfer', message: expect.stringMatching(message) }),
  );
});

test('a descriptor of a part of the disks attaches no other one', () => {
  const item = (id: number) =>
    `<Item><rasd:InstanceID>${id}</rasd:InstanceID><rasd:ResourceType>17</rasd:ResourceType></Item>`;
  const withDrives = (text: string, count: number): string => {
    const items = Array.from({ length: count }, (_, id) => item(id)).join('');
    return text
      .replace(
        '<Envelope ',
        '<Envelope xmlns:rasd="http://schemas.dmtf.org/wbem/wscim/1/cim-schema/2/CIM_ResourceAllocationSettingData" ',
      )
      .replace('</VirtualSystem>', `<VirtualHardwareSection><Info/>${items}</VirtualHardwareSection></VirtualSystem>`);
  };
  const oneDisk = GOOD.replace(/ *<Disk [^>]*vmdisk2[^>]*>/, '');
  const refusal = expect.objectContaining({
    kind: 'transfer',
    message: 'vc writes an OVF descriptor that also attaches disks that were left out.',
  });
  expect(() => checkPartialDescriptor(withDrives(oneDisk, 1), 'vc', 1)).not.toThrow();
  expect(() => checkPartialDescriptor(withDrives(GOOD, 2), 'vc', 1)).toThrow(refusal);
  expect(() => checkPartialDescriptor(withDrives(GOOD, 2), 'vc', 2)).toThrow(refusal);
  expect(() => checkPartialDescriptor(withDrives(oneDisk, 2), 'vc', 1)).toThrow(refusal);
});
