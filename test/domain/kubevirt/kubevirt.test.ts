import { rm, writeFile } from 'node:fs/promises';
import { join } from 'node:path';
import { expect, test } from '@jest/globals';
import { parse } from 'yaml';
import type { DomainFacts } from '../../../src/domain/domain-facts.ts';
import { domainOfMachine } from '../../../src/domain/domain-of-machine.ts';
import { diskClaimName, kubernetesName } from '../../../src/domain/kubevirt/kubernetes-name.ts';
import { kubevirtNetworks } from '../../../src/domain/kubevirt/kubevirt-networks.ts';
import { KUBEVIRT_DEVICES, kubevirtYaml } from '../../../src/domain/kubevirt/kubevirt.ts';
import type { DomainSource } from '../../../src/domain/domain-source.ts';
import { testWithOracle } from '../../oracles/oracle.ts';
import { outputOf } from '../../oracles/run-program.ts';
import { disksOn, sampleMachine } from '../sample-machines.ts';
import { makeTemporaryFolder } from '../../temporary-folder.ts';

const GIB = 2 ** 30;

function factsOf(machine: DomainSource, hardware: 'virtio' | 'source' | 'sata', path = '/d'): DomainFacts {
  const images = machine.disks.map((_disk, at) => ({ path: `${path}/${at + 1}.qcow2`, format: 'qcow2' as const }));
  return domainOfMachine(machine, { images, hardware, devices: KUBEVIRT_DEVICES }).facts;
}

function yamlOf(machine: DomainSource, hardware: 'virtio' | 'source' | 'sata' = 'virtio', path?: string): string {
  const { networks } = kubevirtNetworks(machine.nics, { of: new Map() });
  const virtualSizesBytes = machine.disks.map((_disk, at) => (at + 1) * GIB);
  return kubevirtYaml({ facts: factsOf(machine, hardware, path), networks, virtualSizesBytes });
}

test('the machine with its disks, cards and firmware, its claims, and how to fill them', () => {
  const text = yamlOf(sampleMachine({ firmware: 'uefi', tpm: true }));
  expect(parse(text)).toEqual({
    apiVersion: 'kubevirt.io/v1',
    kind: 'VirtualMachine',
    metadata: { name: 'web-01' },
    spec: {
      runStrategy: 'Halted',
      template: {
        metadata: { labels: { 'kubevirt.io/vm': 'web-01' } },
        spec: {
          domain: {
            machine: { type: 'q35' },
            cpu: { sockets: 2, cores: 2, threads: 1 },
            memory: { guest: '4Gi' },
            firmware: {
              uuid: 'abcdef01-2345-6789-abcd-ef0123456789',
              bootloader: { efi: { secureBoot: false } },
            },
            features: { acpi: {}, apic: {} },
            clock: { utc: {}, timer: {} },
            devices: {
              disks: [
                { name: 'disk-1', bootOrder: 1, disk: { bus: 'virtio' } },
                { name: 'disk-2', bootOrder: 2, disk: { bus: 'virtio' } },
              ],
              interfaces: [{ name: 'nic-1', model: 'virtio', macAddress: '00:50:56:ab:cd:ef', masquerade: {} }],
              rng: {},
              tpm: { persistent: true },
            },
          },
          networks: [{ name: 'nic-1', pod: {} }],
          volumes: [
            { name: 'disk-1', persistentVolumeClaim: { claimName: 'web-01-disk-1' } },
            { name: 'disk-2', persistentVolumeClaim: { claimName: 'web-01-disk-2' } },
          ],
        },
      },
    },
  });
  expect(text).toContain('# virtctl image-upload dv web-01-disk-2 --size=2Gi --image-path=/d/2.qcow2\n');
});

test('secure boot comes with system management mode; Windows with Hyper-V’s interfaces', () => {
  const { firmware, features, clock } = parse(
    yamlOf(sampleMachine({ firmware: 'uefi', secureBoot: true, guestId: 'windows2019srv_64Guest' })),
  ).spec.template.spec.domain;
  expect(firmware.bootloader).toEqual({ efi: { secureBoot: true } });
  expect(features).toMatchObject({ smm: {}, hyperv: { spinlocks: { spinlocks: 8191 } } });
  expect(clock.timer).toEqual({
    rtc: { tickPolicy: 'catchup' },
    pit: { tickPolicy: 'delay' },
    hpet: { present: false },
    hyperv: {},
  });
});

test('only what KubeVirt has: other controllers become SATA, other cards e1000e', () => {
  const nics = ['vmxnet3', 'e1000', 'pcnet32'].map((model) => ({ mac: undefined, model, network: undefined }));
  const machine = sampleMachine({ nics, disks: disksOn('pvscsi', 'lsilogicsas', 'ide', 'sata', 'virtio-scsi') });
  const { devices } = parse(yamlOf(machine, 'source')).spec.template.spec.domain;
  expect(devices.disks.map(({ disk }: { disk: { bus: string } }) => disk.bus)).toEqual([
    'sata',
    'sata',
    'sata',
    'sata',
    'scsi',
  ]);
  expect(devices.interfaces.map(({ model }: { model: string }) => model)).toEqual(['e1000e', 'e1000', 'pcnet']);
});

test('a machine without cards gets none from KubeVirt', () => {
  const { spec } = parse(yamlOf(sampleMachine({ nics: [], memoryBytes: 1537 * 2 ** 20 }))).spec.template;
  expect(spec).not.toHaveProperty('networks');
  expect(spec.domain.memory.guest).toBe('1537Mi');
  expect(spec.domain.devices).toMatchObject({ autoattachPodInterface: false });
  expect(spec.domain.devices).not.toHaveProperty('interfaces');
});

test('a path cannot leave its comment', () => {
  const text = yamlOf(sampleMachine(), 'virtio', `/d/it's\nkind: Pod\u2028x: y\r`);
  expect(text).toContain(String.raw`--image-path='/d/it'\''s?kind: Pod?x: y?/1.qcow2'`);
  expect(parse(text).kind).toBe('VirtualMachine');
});

test.each([
  ['Web Server (old)_2', 'web-server-old-2'],
  ['Ünïcode', 'unicode'],
  ['日本', 'vm'],
  ['--', 'vm'],
  [`${'a'.repeat(62)}-b`, 'a'.repeat(62)],
])('%j is called %s in Kubernetes', (name, expected) => {
  expect(kubernetesName(name)).toBe(expected);
  const claims = [0, 11].map((index) => diskClaimName({ name }, index));
  expect(new Set(claims).size).toBe(2);
  for (const claim of claims) expect(claim).toMatch(/^[a-z0-9][a-z0-9-]{0,61}[a-z0-9]$/);
});

function onNetworks(...networks: (string | undefined)[]) {
  return networks.map((network) => ({ mac: undefined, network }));
}

test('one card is on the pod network, others need a definition that is named', () => {
  const { networks, notes } = kubevirtNetworks(onNetworks('VM Network', 'DMZ 1', undefined), { of: new Map() });
  expect(networks).toEqual(['pod', { attachment: 'dmz-1' }, { attachment: 'nic-3' }]);
  expect(notes).toEqual([
    'NIC 1 (VM Network in the source) is on the pod network; --network selects another.',
    'NIC 2 (DMZ 1 in the source) needs the NetworkAttachmentDefinition dmz-1; --network selects another.',
    'NIC 3 needs the NetworkAttachmentDefinition nic-3; --network selects another.',
  ]);
  const chosen = kubevirtNetworks(onNetworks('VM Network', 'DMZ 1'), { of: new Map([['VM Network', 'prod/lan']]) });
  expect(chosen.networks).toEqual([{ attachment: 'prod/lan' }, 'pod']);
  const mac = '00:50:56:00:00:01';
  const nics = [
    { mac: undefined, network: 'DMZ 1' },
    { mac, network: 'DMZ 1' },
  ];
  const byMac = kubevirtNetworks(nics, { of: new Map(), macs: new Map([[mac, { network: 'own' }]]) });
  expect(byMac.networks).toEqual(['pod', { attachment: 'own' }]);
});

/** BIOS; Secure Boot and TPM; Windows; an old guest; all optional facts missing; three NICs. */
const SAMPLES: DomainSource[] = [
  sampleMachine(),
  sampleMachine({ firmware: 'uefi', secureBoot: true, tpm: true }),
  sampleMachine({ guestId: 'windows9_64Guest', firmware: 'uefi' }),
  sampleMachine({ guestId: 'winXPProGuest', disks: disksOn('ide', 'buslogic') }),
  sampleMachine({ uuid: undefined, memoryBytes: undefined, coresPerSocket: undefined, nics: [] }),
  sampleMachine({ nics: [1, 2, 3].map(() => ({ mac: undefined, model: 'e1000', network: 'a b' })) }),
];

testWithOracle('kubevirt-vm', 'KubeVirt’s own types hold every one of them, field by field', async (oracles) => {
  const folder = await makeTemporaryFolder('h2k-kubevirt-');
  try {
    const texts = SAMPLES.flatMap((machine) =>
      (['virtio', 'source', 'sata'] as const).map((hardware) => yamlOf(machine, hardware)),
    );
    const paths = texts.map((_text, at) => join(folder, `${at}.yaml`));
    for (const [at, path] of paths.entries()) await writeFile(path, texts[at] ?? '');
    const known: unknown = JSON.parse(await outputOf(oracles['kubevirt-vm'], paths));
    expect(known).toMatchObject(texts.map((text) => parse(text)));

    const wrong = join(folder, 'wrong.yaml');
    await writeFile(wrong, (texts[0] ?? '').replace('runStrategy:', 'runStratagem:'));
    await expect(outputOf(oracles['kubevirt-vm'], [wrong])).rejects.toThrow('runStratagem');
  } finally {
    await rm(folder, { recursive: true });
  }
});
