import { expect, test } from '@jest/globals';
import type { DomainFacts } from '../../../src/domain/domain-facts.ts';
import { domainXml } from '../../../src/domain/libvirt/domain-xml.ts';
import { readDomain, readDomainIdentity } from '../../../src/domain/libvirt/read-domain.ts';

const FACTS: DomainFacts = {
  name: 'büro <&> 東京',
  uuid: 'abcdef01-2345-6789-abcd-ef0123456789',
  memoryBytes: 4 * 2 ** 30,
  vcpus: 4,
  coresPerSocket: 2,
  firmware: 'uefi',
  secureBoot: true,
  tpm: false,
  machine: 'q35',
  clock: 'utc',
  hyperv: false,
  scsiControllers: [],
  cdRoms: [],
  disks: [
    { path: `/images/a <&"'>.qcow2`, format: 'qcow2', bus: 'virtio', serial: '6000c29a1b2c3d4e5f60718293a4b5c6' },
    { path: '/images/b.raw', format: 'raw', bus: 'sata', bootOrder: 1 },
  ],
  nics: [
    { mac: '00:50:56:AB:CD:EF', model: 'e1000e', network: 'VM Network' },
    { model: 'virtio', network: 'default' },
  ],
};

const read = (text: string) => readDomain(text, 'web.xml');

test('reads back what domainXml writes', () => {
  expect(read(domainXml(FACTS))).toEqual({
    name: FACTS.name,
    uuid: FACTS.uuid,
    memoryBytes: FACTS.memoryBytes,
    vcpus: 4,
    coresPerSocket: 2,
    machine: 'q35',
    clock: 'utc',
    firmware: { kind: 'uefi', secureBoot: true, loader: undefined, nvram: undefined },
    disks: [
      {
        path: `/images/a <&"'>.qcow2`,
        format: 'qcow2',
        bus: 'virtio',
        scsi: undefined,
        bootOrder: 2,
        serial: '6000c29a1b2c3d4e5f60718293a4b5c6',
      },
      { path: '/images/b.raw', format: 'raw', bus: 'sata', scsi: undefined, bootOrder: 1, serial: undefined },
    ],
    nics: [
      { mac: '00:50:56:ab:cd:ef', model: 'e1000e', onRootBus: false },
      { mac: undefined, model: 'virtio', onRootBus: false },
    ],
    hasTpm: false,
    hasAgentChannel: true,
  });
  const bios: DomainFacts = { ...FACTS, firmware: 'bios', secureBoot: false, machine: 'pc', coresPerSocket: undefined };
  expect(read(domainXml(bios))).toMatchObject({ firmware: { kind: 'bios' }, machine: 'pc', coresPerSocket: undefined });
  expect(read(domainXml({ ...FACTS, secureBoot: false }))).toMatchObject({ firmware: { secureBoot: false } });
});

/** The output of `virsh dumpxml` for a running domain. */
const DUMPED = `<?xml version='1.0' encoding='utf-8'?>
<!-- WARNING: THIS IS AN AUTO-GENERATED FILE -->
<domain type='kvm' id='7' xmlns:qemu='http://libvirt.org/schemas/domain/qemu/1.0'>
  <name>old</name>
  <memory unit='GiB'>2</memory>
  <currentMemory unit='KiB'>1048576</currentMemory>
  <vcpu placement='static' current='1'>3</vcpu>
  <os>
    <type arch='x86_64' machine='pc-i440fx-7.2'>hvm</type>
    <loader readonly='yes' type='pflash'>/usr/share/OVMF/OVMF_CODE_4M.fd</loader>
    <nvram template='/usr/share/OVMF/OVMF_VARS_4M.fd' format='qcow2'>/var/lib/libvirt/qemu/nvram/old_VARS.fd</nvram>
    <boot dev='cdrom'/>
    <boot dev='hd'/>
  </os>
  <cpu mode='custom'><topology sockets='1' dies='1' cores='2' threads='1'/></cpu>
  <clock offset='localtime'><timer name='rtc' tickpolicy='catchup'/></clock>
  <devices>
    <disk type='file' device='cdrom'><target dev='hdc' bus='ide'/><readonly/></disk>
    <disk type='block' device='disk'>
      <driver name='qemu' type='raw' cache='none'/>
      <source dev='/dev/vg/old'/>
      <backingStore/>
      <target dev='sdb' bus='scsi'/>
      <address type='drive' controller='1' bus='0' target='2' unit='5'/>
    </disk>
    <disk type='file'><source file='/i/a.qcow2' index='1'/><driver type='qcow2'/><target dev='sda'/></disk>
    <disk type='file'><source file='/i/b.qcow2'/><target dev='sdi' bus='scsi'/></disk>
    <disk type='file' device='floppy'><target dev='fda' bus='fdc'/></disk>
    <controller type='scsi' index='0' model='lsisas1068'/>
    <controller type='scsi' index='1' model='virtio-scsi'><alias name='scsi1'/></controller>
    <controller type='usb' index='0' model='piix3-uhci'/>
    <interface type='bridge'>
      <mac address='52:54:00:12:34:56'/><source bridge='br0'/><target dev='vnet3'/><model type='vmxnet3'/>
    </interface>
    <interface type='user'/>
    <tpm model='tpm-crb'><backend type='emulator' version='2.0'/></tpm>
  </devices>
  <qemu:commandline><qemu:arg value='-foo'/></qemu:commandline>
</domain>
`;

test('reads what virsh dumpxml shows', () => {
  expect(read(DUMPED)).toEqual({
    name: 'old',
    uuid: undefined,
    memoryBytes: 2 * 2 ** 30,
    vcpus: 3,
    coresPerSocket: undefined,
    machine: 'pc',
    clock: 'localtime',
    firmware: {
      kind: 'uefi',
      secureBoot: false,
      loader: { path: '/usr/share/OVMF/OVMF_CODE_4M.fd', format: 'raw' },
      nvram: { path: '/var/lib/libvirt/qemu/nvram/old_VARS.fd', format: 'qcow2' },
    },
    disks: [
      {
        path: '/dev/vg/old',
        format: 'raw',
        bus: 'scsi',
        scsi: { model: 'virtio-scsi', controller: 1, target: 2, lun: 5 },
        bootOrder: 1,
      },
      {
        path: '/i/a.qcow2',
        format: 'qcow2',
        bus: 'scsi',
        scsi: { model: 'lsisas1068', controller: 0, target: 0, lun: 0 },
        bootOrder: 2,
      },
      {
        path: '/i/b.qcow2',
        format: 'raw',
        bus: 'scsi',
        scsi: { model: 'virtio-scsi', controller: 1, target: 1, lun: 0 },
        bootOrder: 3,
      },
    ],
    nics: [
      { mac: '52:54:00:12:34:56', model: 'vmxnet3' },
      { mac: undefined, model: 'rtl8139' },
    ],
    hasTpm: true,
    hasAgentChannel: false,
  });
});

const minimal = (change: (text: string) => string = (text) => text) =>
  change(
    `<domain type='kvm'><name>n</name><memory>1024</memory><os><type machine='q35'>hvm</type></os><devices></devices></domain>`,
  );

test.each<[string, string, string]>([
  ['no XML', 'QFI', 'well-formed'],
  ['an end tag too few', '<domain><name>', 'well-formed'],
  ['another root', '<network><name>n</name></network>', 'root element is network'],
  ['a document type', `<!DOCTYPE d [<!ENTITY a "aaaa">]>${minimal()}`, 'document type'],
  ['an unknown entity', minimal((text) => text.replace('>n<', '>&lol;<')), 'unknown entity'],
  [
    'more than any domain',
    minimal((text) => text.replace('<devices>', `<devices>${'<a/>'.repeat(50_000)}`)),
    'too large',
  ],
  ['elements that are nested too deep', '<domain>'.repeat(15_000) + '</domain>'.repeat(15_000), 'cannot be parsed'],
  ['no memory', minimal((text) => text.replace('1024', 'much')), 'memory'],
  ['no vCPU', minimal((text) => text.replace('<os>', '<vcpu>0</vcpu><os>')), 'vCPUs'],
  ['an Arm machine', minimal((text) => text.replace('machine=', `arch='aarch64' machine=`)), 'aarch64'],
  ['a microvm', minimal((text) => text.replace('q35', 'microvm')), 'microvm'],
  [
    'a disk on a network',
    minimal((text) =>
      text.replace('<devices>', `<devices><disk type='network'><target dev='vda' bus='virtio'/></disk>`),
    ),
    'vda is not a file',
  ],
  [
    'a relative path',
    minimal((text) =>
      text.replace('<devices>', `<devices><disk type='file'><source file='a'/><target dev='vda'/></disk>`),
    ),
    'not absolute',
  ],
  [
    'an address that is no number',
    minimal((text) =>
      text.replace(
        '<devices>',
        `<devices><disk><source file='/a'/><target dev='sda' bus='scsi'/><address type='drive' target='9999'/></disk>`,
      ),
    ),
    'target 9999',
  ],
])('%s is refused with its name', (_what, text, words) => {
  expect(() => read(text)).toThrow(
    expect.objectContaining({ kind: 'image', message: expect.stringMatching(new RegExp(`web\\.xml.*${words}`)) }),
  );
});

test('a domain for ARM, as hyper2kvm writes it, is refused with where it can run', () => {
  const domain = minimal((text) => text.replace('machine=', `arch='aarch64' machine=`));
  expect(() => read(domain)).toThrow(
    expect.objectContaining({
      message: 'web.xml is a domain for aarch64, but only x86_64 domains can be booted.',
      hint: expect.stringContaining('on a host of that architecture'),
    }),
  );
  // Defining the domain requires only its name and UUID.
  expect(readDomainIdentity(domain, 'web.xml')).toEqual({ name: 'n', uuid: undefined });
});

test.each([
  ['', 1024],
  [" unit='b'", 1],
  [" unit='KB'", 1000],
  [" unit='M'", 2 ** 20],
  [" unit='GiB'", 2 ** 30],
])('memory%s', (unit, factor) => {
  expect(read(minimal((text) => text.replace('<memory>', `<memory${unit}>`))).memoryBytes).toBe(1024 * factor);
});
