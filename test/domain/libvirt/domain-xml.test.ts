import { expect, test } from '@jest/globals';
import { XMLParser } from 'fast-xml-parser';
import { rm, writeFile } from 'node:fs/promises';
import { join } from 'node:path';
import type { DomainFacts } from '../../../src/domain/domain-facts.ts';
import { domainName, domainXml } from '../../../src/domain/libvirt/domain-xml.ts';
import { testWithOracle } from '../../oracles/oracle.ts';
import { runProgram } from '../../oracles/run-program.ts';
import { makeTemporaryFolder } from '../../temporary-folder.ts';

const BIOS: DomainFacts = {
  name: 'web-01',
  memoryBytes: 4 * 2 ** 30,
  vcpus: 4,
  coresPerSocket: 2,
  firmware: 'bios',
  secureBoot: false,
  tpm: false,
  machine: 'q35',
  clock: 'utc',
  hyperv: false,
  scsiControllers: [],
  cdRoms: [],
  disks: [
    { path: '/images/web-01-disk-1.qcow2', format: 'qcow2', bus: 'sata' },
    { path: '/images/web-01-disk-2.raw', format: 'raw', bus: 'sata' },
  ],
  nics: [
    { mac: '00:50:56:ab:cd:ef', model: 'e1000e', network: 'VM Network' },
    { model: 'virtio', network: 'default' },
  ],
};
const UEFI: DomainFacts = { ...BIOS, firmware: 'uefi', coresPerSocket: undefined };
const SECURE: DomainFacts = {
  ...UEFI,
  secureBoot: true,
  uuid: 'abcdef01-2345-6789-abcd-ef0123456789',
  guestId: 'windows2019srv_64Guest',
};

/** VM names that users or attackers may choose. */
const NAMES = [
  `<b>&amp;"'</name>`,
  'a/b\\c',
  'line\nend',
  'Büro 東京 🐘',
  'x'.repeat(400),
  '..',
  '',
  '\u0000\u0007\uD800\uFFFE',
  ']]>',
];
const OTHERS: [string, DomainFacts][] = [
  ['no disks and no cards', { ...BIOS, disks: [], nics: [] }],
  ['machine pc with ide', { ...BIOS, machine: 'pc', disks: BIOS.disks.map((disk) => ({ ...disk, bus: 'ide' })) }],
  [
    'mixed buses',
    {
      ...BIOS,
      disks: (['virtio', 'sata'] as const).flatMap((bus) => BIOS.disks.map((disk) => ({ ...disk, bus }))),
    },
  ],
  [
    'sixty disks',
    { ...BIOS, disks: Array.from({ length: 60 }, (_, at) => ({ path: `/d/${at}`, format: 'vmdk', bus: 'sata' })) },
  ],
  ['strange paths', { ...BIOS, disks: [{ path: `/a b/<&"'>\t'.qcow2`, format: 'qcow2', bus: 'sata' }] }],
  ['strange networks', { ...BIOS, nics: [{ model: 'e1000e', network: `dv "<&'>/\n\u0001` }] }],
];

test('writes the machine, the same for the same facts', () => {
  const text = domainXml(SECURE);
  expect(domainXml(structuredClone(SECURE))).toBe(text);
  const parser = new XMLParser({ ignoreAttributes: false, attributeNamePrefix: '', parseTagValue: false });
  const { domain } = parser.parse(text) as { domain: Record<string, unknown> };
  expect(domain).toMatchObject({
    name: 'web-01',
    uuid: SECURE.uuid,
    memory: { '#text': '4194304', unit: 'KiB' },
    vcpu: { '#text': '4' },
    os: {
      firmware: 'efi',
      type: { '#text': 'hvm', arch: 'x86_64', machine: 'q35' },
    },
    clock: { offset: 'utc' },
    devices: {
      disk: [
        {
          source: { file: '/images/web-01-disk-1.qcow2' },
          driver: { type: 'qcow2' },
          target: { dev: 'sda', bus: 'sata' },
          boot: { order: '1' },
        },
        {
          source: { file: '/images/web-01-disk-2.raw' },
          driver: { type: 'raw' },
          target: { dev: 'sdb' },
          boot: { order: '2' },
        },
      ],
      interface: [
        { mac: { address: '00:50:56:ab:cd:ef' }, source: { network: 'VM Network' }, model: { type: 'e1000e' } },
        { source: { network: 'default' }, model: { type: 'virtio' } },
      ],
      graphics: { type: 'vnc', listen: '127.0.0.1' },
      serial: { type: 'pty' },
      rng: { model: 'virtio' },
    },
  });
});

test('a BIOS machine asks for no firmware; UEFI without secure boot for one without keys', () => {
  expect(domainXml(BIOS)).not.toMatch(/firmware|smm/);
  expect(domainXml(UEFI)).toMatch(/<os firmware="efi">[^]*<feature enabled="no" name="enrolled-keys"\/>/);
  expect(domainXml(UEFI)).not.toMatch(/smm|secure-boot/);
  expect(domainXml(SECURE)).toMatch(/name="secure-boot"[^]*<smm state="on"\/>/);
});

test('Windows has local time and Hyper-V, and ticks that are made up for', () => {
  expect(domainXml(BIOS)).toMatch(/<clock offset="utc"\/>/);
  expect(domainXml(BIOS)).not.toMatch(/hyperv/);
  const windows = domainXml({ ...BIOS, clock: 'localtime', hyperv: true });
  expect(windows).toMatch(/<hyperv mode="custom">[^]*<relaxed state="on"\/>[^]*<clock offset="localtime">/);
  expect(windows).toMatch(/<timer name="rtc" tickpolicy="catchup"\/>[^]*<timer name="hypervclock" present="yes"\/>/);
});

test('a TPM is an emulated TPM 2.0, an empty CD-ROM drive has no source, and each machine has an agent’s channel', () => {
  const text = domainXml({ ...BIOS, tpm: true, cdRoms: ['sata'] });
  expect(text).toMatch(/<tpm model="tpm-crb">\s*<backend type="emulator" version="2.0"\/>/);
  expect(text).toMatch(/device="cdrom">\s*<driver[^>]*>\s*<target dev="sdc" bus="sata"\/>\s*<readonly\/>/);
  expect(domainXml(BIOS)).not.toMatch(/tpm|cdrom/);
  expect(domainXml(BIOS)).toContain('org.qemu.guest_agent.0');
  expect(domainXml(BIOS)).toContain('<memballoon model="virtio"/>');
});

test('SCSI disks have a target each; on a parallel controller, which has no LUNs for libvirt, an id each', () => {
  const scsi = (controller: number, target: number) => ({ bus: 'scsi' as const, scsi: { controller, target } });
  const disks = [scsi(0, 0), scsi(0, 1), scsi(1, 1)].map((place, at) => ({
    path: `/${at}`,
    format: 'raw' as const,
    ...place,
  }));
  const text = domainXml({ ...BIOS, scsiControllers: ['vmpvscsi', 'lsilogic'], disks });
  expect(Array.from(text.matchAll(/<address (type="drive".*)\/>/g), ([, place]) => place)).toEqual([
    'type="drive" controller="0" bus="0" target="0" unit="0"',
    'type="drive" controller="0" bus="0" target="1" unit="0"',
    'type="drive" controller="1" bus="0" target="0" unit="1"',
  ]);
  expect(text).toMatch(/index="0" model="vmpvscsi"[^]*index="1" model="lsilogic"/);
});

test('more than 255 processors have an IOMMU that maps their interrupts', () => {
  expect(domainXml({ ...BIOS, vcpus: 256, coresPerSocket: 8 })).toMatch(
    /<ioapic driver="qemu"[^]*<iommu model="intel">[^]*eim="on"/,
  );
  expect(domainXml({ ...BIOS, vcpus: 255, coresPerSocket: 5 })).not.toMatch(/iommu|ioapic/);
});

test('disks keep their letters when another one than the first is booted from', () => {
  const [first, second] = BIOS.disks;
  if (first === undefined || second === undefined) throw new Error('there are two');
  const text = domainXml({ ...BIOS, disks: [first, { ...second, bootOrder: 7 }] });
  expect(text).toMatch(/disk-1[^]*dev="sda"[^]*order="2"[^]*disk-2[^]*dev="sdb"[^]*order="1"/);
});

test('the twenty-seventh disk is sdaa', () => {
  const text = domainXml(OTHERS.find(([title]) => title === 'sixty disks')?.[1] ?? BIOS);
  expect([...text.matchAll(/dev="(\w+)"/g)].map(([, name]) => name).slice(24, 28)).toEqual([
    'sdy',
    'sdz',
    'sdaa',
    'sdab',
  ]);
});

test.each(NAMES)('strange name %# becomes one that libvirt takes', (name) => {
  const cleaned = domainName({ name });
  expect(cleaned).toMatch(/^[^/\n\p{Cc}]+$/u);
  expect(Buffer.byteLength(cleaned)).toBeLessThanOrEqual(255);
});

test('a path that XML cannot hold is refused by name', () => {
  const disks = [{ path: '/a\u0001b', format: 'qcow2', bus: 'sata' }] as const;
  expect(() => domainXml({ ...BIOS, disks: [...disks] })).toThrow(
    expect.objectContaining({ kind: 'local-file', message: expect.stringContaining('a\\u0001b') }),
  );
});

test.each([
  ['a relative path', { disks: [{ path: 'a', format: 'raw', bus: 'sata' }] }],
  ['ide on q35', { disks: [{ path: '/a', format: 'raw', bus: 'ide' }] }],
  ['a CD-ROM drive on ide on q35', { cdRoms: ['ide'] }],
  ['a SCSI disk without its place', { disks: [{ path: '/a', format: 'raw', bus: 'scsi' }] }],
  [
    'a SCSI disk on no controller',
    { disks: [{ path: '/a', format: 'raw', bus: 'scsi', scsi: { controller: 0, target: 0 } }] },
  ],
  ['more than 255 processors on pc', { machine: 'pc', vcpus: 256 }],
  ['secure boot on a BIOS', { secureBoot: true }],
  ['sockets that do not come out even', { vcpus: 5 }],
] as [string, Partial<DomainFacts>][])('%s is a fault of the caller', (_what, change) => {
  expect(() => domainXml({ ...BIOS, ...change })).toThrow(expect.objectContaining({ kind: 'internal' }));
});

testWithOracle('virt-xml-validate', 'libvirt’s schema accepts every domain', async (paths) => {
  const folder = await makeTemporaryFolder('h2k-domain-');
  try {
    const named = NAMES.map((name): [string, DomainFacts] => [JSON.stringify(name), { ...BIOS, name }]);
    const all: [string, DomainFacts][] = [['bios', BIOS], ['uefi', UEFI], ['secure', SECURE], ...OTHERS, ...named];
    const file = join(folder, 'domain.xml');
    const refused: string[] = [];
    for (const [title, facts] of all) {
      await writeFile(file, domainXml(facts));
      const { exitCode, stdout, stderr } = await runProgram(paths['virt-xml-validate'], [file, 'domain']);
      if (exitCode !== 0) refused.push(`${title}: ${stdout}${stderr}`);
    }
    expect(refused).toEqual([]);
    await writeFile(file, domainXml(BIOS).replace('<clock', '<clocks'));
    expect((await runProgram(paths['virt-xml-validate'], [file, 'domain'])).exitCode).not.toBe(0);
  } finally {
    await rm(folder, { recursive: true });
  }
});
