import { describe, expect, test } from '@jest/globals';
import { rm, writeFile } from 'node:fs/promises';
import { join } from 'node:path';
import { forEachConcurrently } from '../../src/base/concurrency.ts';
import { domainOfMachine } from '../../src/domain/domain-of-machine.ts';
import type { DomainFacts } from '../../src/domain/domain-facts.ts';
import { chooseHardware } from '../../src/domain/hardware-choice.ts';
import { domainXml } from '../../src/domain/libvirt/domain-xml.ts';
import { testWithOracle } from '../oracles/oracle.ts';
import { outputOf, runProgram } from '../oracles/run-program.ts';
import { allDomains, disksOn, domainOn, sampleMachine } from './sample-machines.ts';
import { makeTemporaryFolder } from '../temporary-folder.ts';

test('virtio: disks and cards are virtio, and an empty CD-ROM drive is on SATA', () => {
  const { facts, notes } = domainOn(sampleMachine(), 'virtio');
  expect(facts).toMatchObject({ machine: 'q35', clock: 'utc', hyperv: false, cdRoms: ['sata'], scsiControllers: [] });
  expect(facts.disks.map(({ bus }) => bus)).toEqual(['virtio', 'virtio']);
  expect(facts.nics).toEqual([{ mac: '00:50:56:ab:cd:ef', model: 'virtio', network: 'default' }]);
  expect(notes).toEqual([]);
});

test('source: each controller of the machine is there with its own disks, in the order of the machine', () => {
  const second = { kind: 'pvscsi', address: 1 } as const;
  const disks = [...disksOn('lsilogicsas', 'pvscsi', 'pvscsi', 'sata'), { controller: second, bootOrder: 1 }];
  const { facts, notes } = domainOn(sampleMachine({ disks }), 'source');
  expect(facts.scsiControllers).toEqual(['lsisas1068', 'vmpvscsi', 'vmpvscsi']);
  expect(facts.disks.map(({ path, bus, scsi }) => [path, bus, scsi?.controller, scsi?.target])).toEqual([
    ['/d/1.qcow2', 'scsi', 0, 0],
    ['/d/2.qcow2', 'scsi', 1, 0],
    ['/d/3.qcow2', 'scsi', 1, 1],
    ['/d/4.qcow2', 'sata', undefined, undefined],
    ['/d/5.qcow2', 'scsi', 2, 0],
  ]);
  expect(facts.nics.map(({ model }) => model)).toEqual(['vmxnet3']);
  expect(notes).toEqual([]);
});

test('source: a controller with more disks than QEMU gives it is continued on another one', () => {
  const { facts } = domainOn(
    sampleMachine({ disks: disksOn(...Array.from({ length: 15 }, () => 'lsilogicsas' as const)) }),
    'source',
  );
  expect(facts.scsiControllers).toEqual(['lsisas1068', 'lsisas1068']);
  expect(facts.disks[8]?.scsi).toEqual({ controller: 1, target: 0 });
});

test('source: what QEMU does not have is replaced, and named', () => {
  const nics = ['vmxnet2', ''].map((model) => ({ mac: undefined, model, network: undefined }));
  const { facts, notes } = domainOn(sampleMachine({ disks: disksOn('buslogic', 'nvme', undefined), nics }), 'source');
  expect(facts.disks.map(({ bus }) => bus)).toEqual(['sata', 'sata', 'sata']);
  expect(facts.nics.map(({ model, network }) => [model, network])).toEqual([
    ['e1000e', 'default'],
    ['e1000e', 'default'],
  ]);
  expect(notes).toEqual([
    expect.stringMatching(/BusLogic.*SATA/),
    expect.stringMatching(/NVMe.*SATA/),
    expect.stringMatching(/does not specify the controller.*SATA/),
    expect.stringMatching(/vmxnet2.*e1000e/),
    expect.stringMatching(/model of a NIC.*e1000e/),
  ]);
});

test('source: LSI Logic Parallel is near, and said to need another driver', () => {
  const { facts, notes } = domainOn(sampleMachine({ disks: disksOn('lsilogic') }), 'source');
  expect(facts.scsiControllers).toEqual(['lsilogic']);
  expect(notes).toEqual([expect.stringContaining('53C1030')]);
});

test('source: a machine with IDE disks is a pc, whose two channels take four drives', () => {
  const { facts } = domainOn(sampleMachine({ disks: disksOn('ide', 'ide', 'ide'), cdRoms: 2 }), 'source');
  expect([facts.machine, ...facts.disks.map(({ bus }) => bus), ...facts.cdRoms]).toEqual([
    'pc',
    'ide',
    'ide',
    'ide',
    'ide',
    'sata',
  ]);
});

test.each([
  ['winXPProGuest', 'e1000'],
  ['winNetStandardGuest', 'e1000'],
  ['win2000ProGuest', 'pcnet'],
  ['rhel3Guest', 'e1000'],
  ['dosGuest', 'pcnet'],
])('%s is older than SATA: a pc with IDE and the card %s, which is said', (guestId, model) => {
  const { facts, notes } = domainOn(sampleMachine({ guestId }), 'sata');
  expect(facts).toMatchObject({
    machine: 'pc',
    disks: [{ bus: 'ide' }, { bus: 'ide' }],
    cdRoms: ['ide'],
    hyperv: false,
  });
  expect(facts.nics[0]?.model).toBe(model);
  expect(notes).toEqual([expect.stringContaining(guestId)]);
});

test.each(['debian12_64Guest', 'rhel5Guest', 'windows7Guest', 'winLonghornGuest', 'Ubuntu_64', 'something', undefined])(
  '%s knows SATA and e1000e',
  (guestId) => {
    const { facts, notes } = domainOn(sampleMachine({ guestId }), 'sata');
    expect(facts).toMatchObject({ machine: 'q35', disks: [{ bus: 'sata' }, { bus: 'sata' }], cdRoms: ['sata'] });
    expect(facts.nics[0]?.model).toBe('e1000e');
    expect(notes).toEqual([]);
  },
);

test.each([
  ['windows2019srv_64Guest', 'localtime', true],
  ['windows7Guest', 'localtime', true],
  ['Windows2008_64', 'localtime', false],
  ['winVistaGuest', 'localtime', false],
  ['winXPProGuest', 'localtime', false],
  ['debian12_64Guest', 'utc', false],
])('%s has its clock in %s; Hyper-V: %s', (guestId, clock, hyperv) => {
  expect(domainOn(sampleMachine({ guestId }), 'sata').facts).toMatchObject({ clock, hyperv });
});

test('an old guest with secure boot or more than 255 processors stays on q35, where alone those are', () => {
  const secure = sampleMachine({ guestId: 'winXPProGuest', firmware: 'uefi', secureBoot: true });
  expect(domainOn(secure, 'sata').facts.machine).toBe('q35');
  const wide = sampleMachine({ guestId: 'winXPProGuest', vcpus: 256, coresPerSocket: 1, disks: disksOn('ide') });
  expect(domainOn(wide, 'source').facts).toMatchObject({ machine: 'q35', disks: [{ bus: 'sata' }] });
});

test('new UEFI variables, a new TPM and memory that is not told are said', () => {
  const { facts, notes } = domainOn(sampleMachine({ firmware: 'uefi', tpm: true, memoryBytes: undefined }), 'sata');
  expect(facts).toMatchObject({ firmware: 'uefi', tpm: true, memoryBytes: 2 * 2 ** 30 });
  expect(notes).toEqual([
    expect.stringContaining('2 GiB'),
    expect.stringContaining('UEFI variables'),
    expect.stringContaining('TPM'),
  ]);
});

test('there must be an image for each disk', () => {
  expect(() => domainOfMachine(sampleMachine(), { images: [], hardware: 'sata' })).toThrow(RangeError);
});

testWithOracle(
  'virt-xml-validate',
  'libvirt’s schema accepts every combination of hardware, firmware, guest and devices',
  async (paths) => {
    const folder = await makeTemporaryFolder('h2k-domain-');
    try {
      const refused: string[] = [];
      const all = allDomains().map((domain, at) => ({ ...domain, file: join(folder, `${at}.xml`) }));
      await forEachConcurrently(all, 4, AbortSignal.timeout(300_000), async ({ title, facts, file }) => {
        await writeFile(file, domainXml(facts));
        const { exitCode, stdout, stderr } = await runProgram(paths['virt-xml-validate'], [file, 'domain']);
        if (exitCode !== 0) refused.push(`${title}: ${stdout}${stderr}`);
      });
      expect(refused).toEqual([]);
    } finally {
      await rm(folder, { recursive: true });
    }
  },
  300_000,
);

testWithOracle('virsh', 'libvirt itself defines every one of them', async ({ virsh }) => {
  const folder = await makeTemporaryFolder('h2k-domain-');
  try {
    const all = allDomains();
    const commands = await Promise.all(
      all.map(async ({ facts }, at) => {
        const file = join(folder, `${at}.xml`);
        // libvirt's test driver keeps earlier definitions, so each domain has a unique name and no UUID.
        await writeFile(file, domainXml({ ...facts, name: `d${at}`, uuid: undefined }));
        return `define --validate ${file}`;
      }),
    );
    const output = await outputOf(virsh, [
      '--connect',
      'test:///default',
      [...commands, 'list --all --name'].join('; '),
    ]);
    expect(output.split('\n').filter((line) => /^d\d+$/.test(line))).toHaveLength(all.length);
  } finally {
    await rm(folder, { recursive: true });
  }
});

test.each([
  ['debian12_64Guest', undefined, { offset: 'utc' }],
  ['debian12_64Guest', 0, { offset: 'utc' }],
  ['debian12_64Guest', -3600, { offset: 'variable', adjustment: '-3600', basis: 'utc' }],
  ['windows2019srv_64Guest', undefined, { offset: 'localtime' }],
  ['windows2019srv_64Guest', 0, { offset: 'utc' }],
  ['windows2019srv_64Guest', 7200, { offset: 'variable', adjustment: '7200', basis: 'utc' }],
])('the clock of %s, with rtc.diffFromUTC %s', (guestId, clockOffsetSeconds, attributes) => {
  const text = domainXml(domainOn(sampleMachine({ guestId, clockOffsetSeconds }), 'virtio').facts);
  const [, found = ''] = /<clock ([^>]*?)\/?>/.exec(text) ?? [];
  expect(Object.fromEntries(Array.from(found.matchAll(/(\w+)="([^"]*)"/g), ([, key, value]) => [key, value]))).toEqual(
    attributes,
  );
  // Windows keeps its timers, whatever the clock starts from.
  expect(text.includes('tickpolicy="catchup"')).toBe(guestId.startsWith('win'));
});

test.each([
  ['debian12_64Guest', 'virtio', 'virtio'],
  ['ubuntu64Guest', 'virtio', 'virtio'],
  ['rhel9_64Guest', 'virtio', 'virtio'],
  ['other5xLinux64Guest', 'virtio', 'virtio'],
  ['rhel6_64Guest', 'virtio', undefined],
  ['debian8_64Guest', 'virtio', undefined],
  ['debian12_64Guest', 'source', undefined],
  ['debian12_64Guest', 'sata', undefined],
  ['windows2019srv_64Guest', 'virtio', undefined],
  ['freebsd14_64Guest', 'virtio', undefined],
] as const)('%s on %s has the graphics card %s, and a tablet', (guestId, kind, video) => {
  const { facts } = domainOn(sampleMachine({ guestId }), kind);
  expect(facts.video).toBe(video);
  const text = domainXml(facts);
  expect(text).toContain(`<model type="${video ?? 'vga'}"/>`);
  expect(text).toContain('<input type="tablet" bus="usb"/>');
});

/** FreeBSD and appliances based on it are not changed, so they must find the devices that they had. */
describe('FreeBSD', () => {
  const nics = ['vmxnet3', 'e1000'].map((model) => ({ mac: undefined, model, network: undefined }));
  const devices: ReadonlySet<string> = new Set(['pvscsi', 'mptsas1068', 'vmxnet3', 'e1000', 'ich9-ahci', 'e1000e']);
  const chosen = (changes: Partial<Parameters<typeof sampleMachine>[0]>) => {
    const machine = sampleMachine({ guestId: 'freebsd14_64Guest', nics, ...changes });
    const { kind } = chooseHardware({ wanted: 'auto', virtioSupport: 'unknown', machine, devices });
    const { facts } = domainOn(machine, kind);
    return { kind, facts, ...freebsdNames(facts) };
  };

  test.each(['freebsd14_64Guest', 'freebsd64Guest', 'freebsdGuest', 'otherGuest64', 'FreeBSD_64'])(
    '%s with BIOS keeps its controller and its NICs: da0, vmx0 and em0',
    (guestId) => {
      for (const controller of ['pvscsi', 'lsilogicsas'] as const) {
        const { kind, facts, disks, nics: names } = chosen({ guestId, disks: disksOn(controller, controller) });
        expect(kind).toBe('source');
        expect(facts.machine).toBe('q35');
        expect([...disks, ...names]).toEqual(['da0', 'da1', 'vmx0', 'em0']);
      }
    },
  );

  test('with UEFI, or LSI Logic Parallel, it gets SATA and e1000e: ada0, em0 and em1', () => {
    for (const changes of [{ firmware: 'uefi' as const, disks: disksOn('pvscsi') }, { disks: disksOn('lsilogic') }]) {
      const { kind, disks, nics: names } = chosen(changes);
      expect([kind, ...disks, ...names]).toEqual(['sata', 'ada0', 'em0', 'em1']);
    }
  });
});

/** The names that FreeBSD gives the devices of a domain, by the drivers that its manual pages list for them. */
function freebsdNames({ disks, nics }: DomainFacts): { disks: string[]; nics: string[] } {
  const drivers: Readonly<Record<string, string>> = { vmxnet3: 'vmx', e1000: 'em', e1000e: 'em', virtio: 'vtnet' };
  const names: Readonly<Record<string, string>> = { scsi: 'da', sata: 'ada', ide: 'ada', virtio: 'vtbd' };
  const counted = (prefixes: string[]) =>
    prefixes.map((prefix, at) => `${prefix}${prefixes.slice(0, at).filter((other) => other === prefix).length}`);
  return {
    disks: counted(disks.map(({ bus }) => names[bus] ?? '?')),
    nics: counted(nics.map(({ model }) => drivers[model] ?? '?')),
  };
}
