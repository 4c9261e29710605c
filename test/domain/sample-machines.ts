import type { ControllerKind } from '../../src/base/vm-config.ts';
import type { DomainFacts } from '../../src/domain/domain-facts.ts';
import { domainOfMachine, type MadeDomain } from '../../src/domain/domain-of-machine.ts';
import type { HardwareKind } from '../../src/domain/hardware-choice.ts';
import type { DomainSource } from '../../src/domain/domain-source.ts';

/** A VM with two disks on one controller and one NIC. */
export function sampleMachine(changes: Partial<DomainSource> = {}): DomainSource {
  return {
    name: 'web-01',
    architecture: 'x86_64',
    uuid: 'abcdef01-2345-6789-abcd-ef0123456789',
    guestId: 'debian12_64Guest',
    memoryBytes: 4 * 2 ** 30,
    vcpus: 4,
    coresPerSocket: 2,
    firmware: 'bios',
    secureBoot: false,
    tpm: false,
    disks: disksOn('pvscsi', 'pvscsi'),
    nics: [{ mac: '00:50:56:ab:cd:ef', model: 'vmxnet3', network: 'VM Network' }],
    cdRoms: 1,
    ...changes,
  };
}

/** One disk for each kind, on the first controller of that kind. */
export function disksOn(...kinds: (ControllerKind | undefined)[]): DomainSource['disks'] {
  return kinds.map((kind) => ({
    controller: kind === undefined ? undefined : { kind, address: 0 },
    bootOrder: undefined,
  }));
}

export function domainOn(machine: DomainSource, hardware: HardwareKind): MadeDomain {
  const images = machine.disks.map((_disk, at) => ({ path: `/d/${at + 1}.qcow2`, format: 'qcow2' as const }));
  // The networks are explicit, so that no note about them is added.
  const networks = { all: 'default', of: new Map<string, string>() };
  return domainOfMachine(machine, { images, hardware, networks });
}

/** Returns every combination of hardware, firmware, guest age, and controllers with NICs, and the limits of counts. */
export function allDomains(): { title: string; facts: DomainFacts }[] {
  const machines = [
    ...FIRMWARES.flatMap((firmware) =>
      GUESTS.flatMap((guestId) => DEVICES.map((devices) => sampleMachine({ ...firmware, ...devices, guestId }))),
    ),
    sampleMachine({ vcpus: 288, coresPerSocket: 36, guestId: 'winXPProGuest' }),
    sampleMachine({ uuid: undefined, memoryBytes: undefined, coresPerSocket: undefined, guestId: undefined }),
  ];
  return machines.flatMap((machine) =>
    KINDS.map((kind) => {
      const { guestId, firmware, secureBoot, tpm, disks, nics } = machine;
      return {
        title: JSON.stringify({ kind, guestId, firmware, secureBoot, tpm, disks: disks.length, nics: nics.length }),
        facts: domainOn(machine, kind).facts,
      };
    }),
  );
}

const KINDS: readonly HardwareKind[] = ['virtio', 'source', 'sata'];
const FIRMWARES: Partial<DomainSource>[] = [
  { firmware: 'bios' },
  { firmware: 'uefi', tpm: true },
  { firmware: 'uefi', secureBoot: true },
];
const GUESTS = ['debian12_64Guest', 'windows2022srvNext_64Guest', 'winNetStandardGuest', 'win2000ServGuest'];
const DEVICES: Pick<DomainSource, 'disks' | 'nics' | 'cdRoms'>[] = [
  { disks: [], nics: [], cdRoms: 0 },
  {
    disks: disksOn('ide', 'lsilogic', 'lsilogicsas', 'pvscsi', 'buslogic', 'sata', 'nvme', 'usb', 'scsi', undefined),
    nics: ['vmxnet3', 'e1000', 'e1000e', 'pcnet32', 'vmxnet2', 'virtio', 'rtl8139', ''].map((model) => ({
      mac: undefined,
      model,
      network: undefined,
    })),
    cdRoms: 2,
  },
  {
    disks: [
      ...disksOn(...Array.from({ length: 15 }, () => 'lsilogicsas' as const)),
      ...disksOn('virtio-scsi', 'virtio'),
    ],
    nics: [],
    cdRoms: 5,
  },
  { disks: disksOn('ide', 'ide', 'ide', 'ide'), nics: [], cdRoms: 1 },
];
