import { expect, test } from '@jest/globals';
import { readOvf } from '../../../src/ovf/hardware/ovf-facts.ts';
import { item, OVF_2, OVIRT, smallOvf, VIRTUALBOX, VSPHERE } from '../ovf-samples.ts';

const GIB = 2 ** 30;

test('reads what vSphere writes: disks by bus, controller and unit, whatever order its items have', () => {
  const { disks, files, ...facts } = readOvf(VSPHERE, 'web.ovf');
  expect(facts).toEqual({
    name: 'web & co',
    uuid: undefined,
    guestId: 'debian12_64Guest',
    guestText: 'Debian GNU/Linux 12 (64-bit)',
    memoryBytes: 6 * GIB,
    vcpus: 4,
    coresPerSocket: 2,
    firmware: 'uefi',
    secureBoot: true,
    tpm: false,
    nics: [
      { mac: '00:50:56:ab:cd:ef', model: 'vmxnet3', network: 'VM Network', pciSlotNumber: 192 },
      { mac: undefined, model: 'e1000', network: undefined },
    ],
    cdRoms: [{ file: files[2] }],
    warnings: [],
  });
  expect(files.map(({ href }) => href)).toEqual(['web & co-1.vmdk', 'web%20&%20co-2.vmdk', 'tools.iso', 'web.nvram']);
  expect(disks).toEqual([
    expect.objectContaining({
      diskId: 'vmdisk1',
      file: { id: 'file1', href: 'web & co-1.vmdk', sizeBytes: 1000, gzip: false, chunkBytes: undefined },
      capacityBytes: 40 * GIB,
      populatedBytes: 1234567,
      format: expect.stringMatching(/#streamOptimized$/),
      controller: { kind: 'lsilogicsas', address: 0 },
      unitNumber: 1,
      bootOrder: undefined,
    }),
    expect.objectContaining({ diskId: 'vmdisk3', file: undefined, capacityBytes: 5 * 2 ** 20, unitNumber: 2 }),
    expect.objectContaining({
      diskId: 'vmdisk2',
      file: files[1],
      capacityBytes: 1048577,
      controller: { kind: 'pvscsi', address: 1 },
      bootOrder: 2,
    }),
  ]);
});

test('reads what VirtualBox writes, with firmware, MAC and UUID from its own element', () => {
  const { disks, ...facts } = readOvf(VIRTUALBOX, 'mint.ovf');
  expect(facts).toMatchObject({
    name: 'Mint „21“',
    uuid: 'abcdef01-2345-6789-abcd-ef0123456789',
    guestId: 'Ubuntu_64',
    memoryBytes: 2 * GIB,
    vcpus: 2,
    coresPerSocket: undefined,
    firmware: 'uefi',
    secureBoot: false,
    nics: [{ mac: '08:00:27:d8:e5:b3', model: 'e1000', network: 'NAT' }],
    cdRoms: [{ file: undefined }],
  });
  expect(disks.map(({ diskId, controller, capacityBytes }) => [diskId, controller, capacityBytes])).toEqual([
    ['vmdisk2', { kind: 'ide', address: 1 }, GIB],
    ['vmdisk1', { kind: 'sata', address: 0 }, 20 * GIB],
  ]);
});

test('reads OVF 2.0 with its own items for disks and network cards', () => {
  expect(readOvf(OVF_2, 'two.ovf')).toMatchObject({
    name: 'two',
    memoryBytes: GIB / 2,
    disks: [{ controller: { kind: 'nvme' }, file: { href: 'd.vmdk' } }],
    nics: [{ mac: '52:54:00:12:34:56', network: 'Bridged' }],
  });
});

test('reads what oVirt writes: typed sections, sizes in GiB, topology, boot order', () => {
  expect(readOvf(OVIRT, 'db01.ovf')).toMatchObject({
    name: 'db01',
    vcpus: 8,
    coresPerSocket: 4,
    memoryBytes: 4 * GIB,
    firmware: 'uefi',
    secureBoot: true,
    disks: [
      {
        diskId: 'aaaa',
        capacityBytes: 10 * GIB,
        bootOrder: 1,
        controller: { kind: 'virtio-scsi' },
        file: { href: 'aaaa/bbbb' },
      },
    ],
    nics: [{ mac: '00:1a:4a:16:01:51', network: 'ovirtmgmt' }],
  });
});

test('prefixes are the document’s choice, and may be declared where they are used', () => {
  const renamed = VSPHERE.replaceAll('rasd:', 'r:').replaceAll('vmw:', 'v:');
  const declared = renamed.replace('xmlns:rasd=', 'xmlns:r=').replace('xmlns:vmw=', 'xmlns:v=');
  expect(readOvf(declared, 'web.ovf')).toEqual(readOvf(VSPHERE, 'web.ovf'));
});

const MEMORY = { InstanceID: 2, ResourceType: 4, VirtualQuantity: 512 };

test.each([
  ['byte * 2^20', 512 * 2 ** 20],
  ['byte*2^10', 512 * 1024],
  ['byte * 10^6', 512e6],
  ['byte * 1024 * 1024', 512 * 2 ** 20],
  ['MegaBytes', 512 * 2 ** 20],
  ['GB', 512 * GIB],
])('memory in %s', (units, bytes) => {
  const hardware = item({ ...MEMORY, VirtualQuantity: bytes < 2 ** 20 ? 2048 : 512, AllocationUnits: units });
  expect(readOvf(smallOvf({ hardware }), 'x').memoryBytes).toBe(bytes < 2 ** 20 ? 2048 * 1024 : bytes);
});

test('memory without a unit is bytes, or MiB where bytes make no sense', () => {
  expect(readOvf(smallOvf({ hardware: item(MEMORY) }), 'x').memoryBytes).toBe(512 * 2 ** 20);
  expect(readOvf(smallOvf({ hardware: item({ ...MEMORY, VirtualQuantity: GIB }) }), 'x').memoryBytes).toBe(GIB);
});

test('a descriptor without hardware has the least of all', () => {
  expect(readOvf(smallOvf(), 'x')).toMatchObject({
    name: 'small',
    vcpus: 1,
    memoryBytes: undefined,
    firmware: 'bios',
    disks: [],
    nics: [],
  });
});

test('the default deployment option counts, and bounds do not', () => {
  const cpu = (quantity: number, attributes: string) =>
    item({ InstanceID: 1, ResourceType: 3, VirtualQuantity: quantity }, { attributes });
  const sections = `<DeploymentOptionSection><Info/><Configuration ovf:id="tiny"/><Configuration ovf:id="large" ovf:default="true"/></DeploymentOptionSection>`;
  const hardware = [
    cpu(1, ''),
    cpu(2, ' ovf:configuration="tiny"'),
    cpu(16, ' ovf:configuration="large huge"'),
    cpu(99, ' ovf:bound="max"'),
  ].join('');
  expect(readOvf(smallOvf({ sections, hardware }), 'x').vcpus).toBe(16);
  expect(readOvf(smallOvf({ sections: sections.replace(' ovf:default="true"', ''), hardware }), 'x').vcpus).toBe(2);
  expect(readOvf(smallOvf({ hardware }), 'x').vcpus).toBe(1);
});

test('a disk that no drive holds is left out, with a warning', () => {
  const files = '<File ovf:href="a" ovf:id="a"/><File ovf:href="b" ovf:id="b"/>';
  const disks =
    '<Disk ovf:diskId="loose" ovf:capacity="1" ovf:fileRef="a"/><Disk ovf:diskId="held" ovf:capacity="1" ovf:fileRef="b"/>';
  const hardware =
    item({ InstanceID: 1, ResourceType: 6, Address: 3 }) +
    item({ InstanceID: 2, ResourceType: 17, HostResource: 'ovf:/disk/held', Parent: 1, AddressOnParent: 15 });
  const facts = readOvf(smallOvf({ files, disks, hardware }), 'x');
  expect(facts.disks).toMatchObject([{ diskId: 'held', controller: { kind: 'scsi', address: 3 } }]);
  expect(facts.disks).toHaveLength(1);
  expect(facts.warnings).toEqual(['The disk loose ("a") is not in a drive of a VM and is not converted.']);
});

test('a drive of XenServer, a storage extent, holds a hard disk', () => {
  const files = '<File ovf:href="a.vhd" ovf:id="a"/>';
  const disks = '<Disk ovf:diskId="d" ovf:capacity="512" ovf:fileRef="a"/>';
  const hardware = item({ InstanceID: 'x', ResourceType: 19, HostResource: 'ovf:/disk/d' });
  expect(readOvf(smallOvf({ files, disks, hardware }), 'x').disks).toMatchObject([{ file: { href: 'a.vhd' } }]);
});

test('a disk that a device of another kind refers to is left out with a warning', () => {
  const disks = '<Disk ovf:diskId="d" ovf:capacity="512"/>';
  const hardware = item({ InstanceID: 1, ResourceType: 1, HostResource: 'ovf:/disk/d' });
  const { warnings } = readOvf(smallOvf({ disks, hardware }), 'x');
  expect(warnings).toEqual(['The disk d is not in a drive of a VM and is not converted.']);
});

test('of alternatives for a controller or a card the first one that is known counts', () => {
  const disks = '<Disk ovf:diskId="d" ovf:capacity="512"/>';
  const hardware =
    item({ InstanceID: 1, ResourceType: 6, ResourceSubType: 'virtio lsilogic' }) +
    item({ InstanceID: 2, ResourceType: 17, HostResource: 'ovf:/disk/d', Parent: 1 }) +
    item({ InstanceID: 3, ResourceType: 10, ResourceSubType: 'Fancy VMXNET3 virtio' });
  expect(readOvf(smallOvf({ disks, hardware }), 'x')).toMatchObject({
    disks: [{ controller: { kind: 'virtio-scsi' } }],
    nics: [{ model: 'vmxnet3' }],
  });
});

test('the image of a CD-ROM drive is neither a disk nor left out', () => {
  const files = '<File ovf:href="a.iso" ovf:id="a"/>';
  const disks = '<Disk ovf:diskId="iso" ovf:capacity="0" ovf:fileRef="a"/>';
  const hardware = item({ InstanceID: 2, ResourceType: 15, HostResource: '/disk/iso' });
  expect(readOvf(smallOvf({ files, disks, hardware }), 'x')).toMatchObject({ disks: [], warnings: [] });
});

const drive = (id: number, fields: Record<string, string | number>, attributes = '') =>
  item({ InstanceID: id, ResourceType: 17, ElementName: `Hard disk ${id}`, ...fields }, { attributes });

test('only what the chosen deployment configuration holds is attached', () => {
  const sections =
    '<DeploymentOptionSection><Configuration ovf:id="small"/><Configuration ovf:id="big"/></DeploymentOptionSection>';
  const files = '<File ovf:href="a" ovf:id="a"/><File ovf:href="b" ovf:id="b"/>';
  const disks =
    '<Disk ovf:diskId="A" ovf:capacity="1" ovf:fileRef="a"/><Disk ovf:diskId="B" ovf:capacity="1" ovf:fileRef="b"/>';
  const hardware =
    drive(1, { HostResource: 'ovf:/disk/A' }) + drive(2, { HostResource: 'ovf:/disk/B' }, ' ovf:configuration="big"');
  const text = smallOvf({ sections, files, disks, hardware });
  const small = readOvf(text, 'x');
  expect(small.disks.map(({ diskId }) => diskId)).toEqual(['A']);
  expect(small.warnings).toEqual([
    'The disk B ("b") belongs to another configuration ("big") and is not converted; --configuration selects one.',
  ]);
  const big = readOvf(text, 'x', { configuration: 'big' });
  expect(big.disks.map(({ diskId }) => diskId)).toEqual(['A', 'B']);
  expect(big.warnings).toEqual([]);
  const refusal = { kind: 'not-found', hint: 'It has "small", "big".' };
  expect(() => readOvf(text, 'x', { configuration: 'huge' })).toThrow(expect.objectContaining(refusal));
});

test('disks without a file are empty ones, one for each drive', () => {
  const disks =
    '<Disk ovf:diskId="blank" ovf:capacity="2" ovf:capacityAllocationUnits="byte * 2^20"/><Disk ovf:diskId="other" ovf:capacity="512" ovf:fileRef=""/>';
  const hardware =
    drive(1, { HostResource: 'ovf:/disk/blank' }) +
    drive(2, { HostResource: 'ovf:/disk/blank' }) +
    drive(3, { HostResource: 'ovf:/disk/other' }) +
    drive(4, { VirtualQuantity: 3, AllocationUnits: 'byte * 2^30' }) +
    drive(5, { VirtualQuantity: 1 });
  const facts = readOvf(smallOvf({ disks, hardware }), 'x');
  expect(facts.disks.map(({ label, file, capacityBytes }) => [label, file, capacityBytes])).toEqual([
    ['Hard disk 1', undefined, 2 * 2 ** 20],
    ['Hard disk 2', undefined, 2 * 2 ** 20],
    ['Hard disk 3', undefined, 512],
    ['Hard disk 4', undefined, 3 * GIB],
  ]);
  expect(facts.warnings).toEqual(['The drive "Hard disk 5" has neither a disk nor a capacity and is ignored.']);
});

test('a capacity that is a property is the property’s default, that of the configuration first', () => {
  const sections =
    '<DeploymentOptionSection><Configuration ovf:id="small"/><Configuration ovf:id="big"/></DeploymentOptionSection>';
  const system =
    '<ProductSection ovf:class="com.example" ovf:instance="1"><Info/><Property ovf:key="size" ovf:type="uint32" ovf:value="4"><Value ovf:value="9" ovf:configuration="big"/></Property></ProductSection>';
  const disks = (name: string) =>
    `<Disk ovf:diskId="d" ovf:capacity="\${${name}}" ovf:capacityAllocationUnits="byte * 2^30"/>`;
  const hardware = drive(1, { HostResource: 'ovf:/disk/d' });
  for (const name of ['size', 'com.example.size.1']) {
    const text = smallOvf({ sections, system, hardware, disks: disks(name) });
    expect(readOvf(text, 'x').disks).toMatchObject([{ capacityBytes: 4 * GIB }]);
    expect(readOvf(text, 'x', { configuration: 'big' }).disks).toMatchObject([{ capacityBytes: 9 * GIB }]);
  }
  expect(() => readOvf(smallOvf({ system, hardware, disks: disks('other') }), 'x')).toThrow(/no valid capacity/);
});

test('a drive may name a file instead of a disk; only the file then tells its capacity', () => {
  const files = '<File ovf:href="a" ovf:id="file1"/>';
  const hardware = drive(1, { HostResource: 'ovf:/file/file1' });
  expect(readOvf(smallOvf({ files, hardware }), 'x').disks).toMatchObject([
    { diskId: undefined, file: { href: 'a' }, capacityBytes: undefined },
  ]);
  expect(() => readOvf(smallOvf({ files, hardware: hardware.repeat(2).replace('ID>1', 'ID>2') }), 'x')).toThrow(
    /two of its drives hold the file "a"/,
  );
});

test.each(['http://www.vmware.com/schema/ovf/1/envelope', 'http://schemas.dmtf.org/ovf/1/envelope'])(
  'the namespace %s of OVF 0.9 is read, with bus numbers and references as that had them',
  (namespace) => {
    const disks = '<Disk ovf:diskId="d" ovf:capacity="512"/><Disk ovf:diskId="e" ovf:capacity="512"/>';
    const hardware =
      item({ InstanceId: 1, ResourceType: 6, BusNumber: 1 }) +
      item({ InstanceId: 2, ResourceType: 6, BusNumber: 0 }) +
      item({ InstanceId: 3, ResourceType: 17, HostResource: 'disk/d', Parent: 1 }) +
      item({ InstanceId: 4, ResourceType: 17, HostResource: 'disk/e', Parent: 2 });
    const text = smallOvf({ disks, hardware }).replaceAll('http://schemas.dmtf.org/ovf/envelope/1', namespace);
    expect(readOvf(text, 'x').disks).toMatchObject([
      { diskId: 'e', controller: { address: 0 } },
      { diskId: 'd', controller: { address: 1 } },
    ]);
  },
);

test('controllers of one address keep their own order, and so do their disks', () => {
  const ids = ['a', 'b', 'c', 'd'];
  const disks = ids.map((id) => `<Disk ovf:diskId="${id}" ovf:capacity="512"/>`).join('');
  const hardware =
    item({ InstanceID: 10, ResourceType: 6, ResourceSubType: 'lsilogic', Address: 0 }) +
    item({ InstanceID: 11, ResourceType: 6, ResourceSubType: 'lsilogic', Address: 0 }) +
    drive(1, { HostResource: 'ovf:/disk/a', Parent: 10, AddressOnParent: 0 }) +
    drive(2, { HostResource: 'ovf:/disk/b', Parent: 10, AddressOnParent: 1 }) +
    drive(3, { HostResource: 'ovf:/disk/c', Parent: 11, AddressOnParent: 0 }) +
    drive(4, { HostResource: 'ovf:/disk/d', Parent: 11, AddressOnParent: 1 });
  expect(
    readOvf(smallOvf({ disks, hardware }), 'x').disks.map((each) => [each.diskId, each.controller?.address]),
  ).toEqual([
    ['a', 0],
    ['b', 0],
    ['c', 1],
    ['d', 1],
  ]);
});

test.each([
  ['-1', -1],
  ['0', 0],
])('a file size of %s is a claim and no error', (written, sizeBytes) => {
  const files = `<File ovf:href="a" ovf:id="a" ovf:size="${written}"/>`;
  expect(readOvf(smallOvf({ files }), 'x').files).toMatchObject([{ sizeBytes }]);
});

test('compression and chunks are read', () => {
  const files = '<File ovf:href="a" ovf:id="a" ovf:compression="gzip" ovf:chunkSize="1000" ovf:size="2500"/>';
  expect(readOvf(smallOvf({ files }), 'x').files).toEqual([
    { id: 'a', href: 'a', sizeBytes: 2500, gzip: true, chunkBytes: 1000 },
  ]);
});

test('a name in CDATA is taken as it is; one within a collection of one is found', () => {
  const system = '<Name><![CDATA[a & <b> &amp;]]></Name>';
  const collection = smallOvf({ system })
    .replace('<VirtualSystem ', '<VirtualSystemCollection ovf:id="app"><Info/><VirtualSystem ')
    .replace('</VirtualSystem>', '</VirtualSystem></VirtualSystemCollection>');
  expect(readOvf(collection, 'x').name).toBe('a & <b> &amp;');
});

const two = smallOvf().replace(
  /<VirtualSystem [^]*<\/VirtualSystem>/,
  (system) =>
    `<VirtualSystemCollection ovf:id="c">${system}${system.replace('small', 'tiny')}</VirtualSystemCollection>`,
);
const file = (href: string, attributes = '') =>
  smallOvf({ files: `<File ovf:href="${href}" ovf:id="a" ${attributes}/>` });
const disk = (attributes: string) =>
  smallOvf({ files: '<File ovf:href="a" ovf:id="a"/>', disks: `<Disk ovf:diskId="d" ${attributes}/>` });
const device = (fields: Record<string, string | number>) =>
  smallOvf({ disks: '<Disk ovf:diskId="d" ovf:capacity="1"/>', hardware: item(fields) });

test('one of several VMs is chosen by its name or its id', () => {
  expect(readOvf(two, 'x', { vm: 'tiny' }).name).toBe('tiny');
  const named = two.replace(
    '<VirtualSystem ovf:id="small"><Info/>',
    '<VirtualSystem ovf:id="small"><Info/><Name>web</Name>',
  );
  expect(readOvf(named, 'x', { vm: 'web' }).name).toBe('web');
  expect(readOvf(named, 'x', { vm: 'small' }).name).toBe('web');
  const unknown = { kind: 'not-found', hint: 'It describes "small", "tiny".' };
  expect(() => readOvf(two, 'x', { vm: 'other' })).toThrow(expect.objectContaining(unknown));
  expect(() => readOvf(two, 'x')).toThrow(expect.objectContaining({ hint: 'Choose one with --vm NAME.' }));
  const same = named.replace(
    '<VirtualSystem ovf:id="tiny"><Info/>',
    '<VirtualSystem ovf:id="tiny"><Info/><Name>web</Name>',
  );
  const ambiguous = { kind: 'not-found', hint: 'Give --vm the id of one of them: "small", "tiny".' };
  expect(() => readOvf(same, 'x', { vm: 'web' })).toThrow(expect.objectContaining(ambiguous));
  expect(readOvf(same, 'x', { vm: 'tiny' }).name).toBe('web');
});

test.each([
  ['several machines', two, /describes 2 virtual machines \("small", "tiny"\)/],
  ['no machine', smallOvf().replaceAll('VirtualSystem', 'Other'), /describes no virtual machine/],
  ['a document type', `<!DOCTYPE x [<!ENTITY e SYSTEM "file:///etc/passwd">]>${smallOvf()}`, /document type/],
  ['an entity', smallOvf({ system: '<Name>&x;</Name>' }), /unknown entity &x;/],
  ['a path', file('/etc/passwd'), /"\/etc\/passwd", which is an absolute path/],
  ['a way out', file('a/../../b'), /points outside the package/],
  ['an escaped way out', file('%2e%2e/b'), /points outside the package/],
  ['a URL', file('https://example.org/a'), /is a URL/],
  ['a file URL', file('file:/etc/passwd'), /is a URL/],
  ['an escaped NUL', file('a%00b'), /control character/],
  ['an empty name', file(''), /is not a plain name/],
  ['a size that is no number', file('a', 'ovf:size="1e3"'), /gives a the size "1e3"/],
  ['an unknown compression', file('a', 'ovf:compression="xz"'), /unknown compression "xz"/],
  [
    'a file id twice',
    smallOvf({ files: '<File ovf:href="a" ovf:id="a"/><File ovf:href="b" ovf:id="a"/>' }),
    /the file id a twice/,
  ],
  ['a parent', disk('ovf:capacity="1" ovf:parentRef="p"'), /depends on another disk/],
  ['a missing file', disk('ovf:capacity="1" ovf:fileRef="z"'), /the file ID z, which does not exist/],
  [
    'a capacity that is too large',
    disk('ovf:capacity="999999999999999" ovf:capacityAllocationUnits="byte * 2^40"'),
    /no valid capacity/,
  ],
  ['a capacity of a property', disk('ovf:capacity="${size}"'), /no valid capacity/],
  [
    'a drive without its disk',
    device({ InstanceID: 1, ResourceType: 17, HostResource: 'ovf:/disk/z', ElementName: 'D' }),
    /drive "D" holds "ovf:\/disk\/z"/,
  ],
  [
    'memory in a strange unit',
    device({ InstanceID: 1, ResourceType: 4, AllocationUnits: 'furlong', VirtualQuantity: 1 }),
    /unknown unit "furlong"/,
  ],
  [
    'no memory',
    device({ InstanceID: 1, ResourceType: 4, AllocationUnits: 'byte', VirtualQuantity: 0 }),
    /no valid amount of memory/,
  ],
  ['no processor', device({ InstanceID: 1, ResourceType: 3, VirtualQuantity: 0 }), /no valid number of processors/],
  [
    'two devices of one ID',
    smallOvf({ hardware: item({ InstanceID: 1, ResourceType: 1 }).repeat(2) }),
    /instance ID 1/,
  ],
  ['elements without end', '<a>'.repeat(50_000), /./],
])('%s is refused', (_what, text, message) => {
  expect(() => readOvf(text, 'the/label.ovf')).toThrow(
    expect.objectContaining({ kind: 'image', message: expect.stringMatching(message) }),
  );
  expect(() => readOvf(text, 'the/label.ovf')).toThrow(/the\/label\.ovf/);
});

test('the settings of the .vmx in a descriptor include that of the clock', () => {
  const setting = '<vmw:ExtraConfig ovf:required="false" vmw:key="rtc.diffFromUTC" vmw:value="7200"/>';
  const text = VSPHERE.replace('</VirtualHardwareSection>', `${setting}</VirtualHardwareSection>`);
  expect(readOvf(text, 'web.ovf').clockOffsetSeconds).toBe(7200);
  expect(readOvf(VSPHERE, 'web.ovf').clockOffsetSeconds).toBeUndefined();
});
