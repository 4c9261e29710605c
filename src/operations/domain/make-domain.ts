import type { DomainDisk } from '../../domain/domain-facts.ts';
import { domainOfMachine, type MadeDomain } from '../../domain/domain-of-machine.ts';
import { domainXml } from '../../domain/libvirt/domain-xml.ts';
import {
  chooseHardware,
  type VirtioSupport,
  type HardwareKind,
  type HardwareOption,
} from '../../domain/hardware-choice.ts';
import { readHostDevices } from '../../domain/libvirt/host-devices.ts';
import { kubevirtNetworks } from '../../domain/kubevirt/kubevirt-networks.ts';
import { KUBEVIRT_DEVICES, kubevirtYaml } from '../../domain/kubevirt/kubevirt.ts';
import { requireKnownMacs, type NetworkOptions } from '../../domain/networks.ts';
import type { DomainSource } from '../../domain/domain-source.ts';

/** The hardware of the VM, and why it was chosen. */
export interface HardwareReport {
  kind: HardwareKind;
  /** A sentence. */
  reason: string;
  /** Sentences about properties of the VM that the domain cannot have. */
  notes: string[];
}

export interface DomainRequest {
  machine: DomainSource;
  /** One per disk of the VM, in VM order. */
  images: (Pick<DomainDisk, 'path' | 'format'> & { virtualSizeBytes: number })[];
  wanted: HardwareOption;
  virtioSupport: VirtioSupport;
  networks: NetworkOptions | undefined;
  /** Write a KubeVirt manifest instead of a libvirt domain. */
  kubevirt: boolean;
}

/** The name of the file that describes the VM. */
export function descriptionName(baseName: string, kubevirt: boolean | undefined): string {
  return `${baseName}.${kubevirt === true ? 'yaml' : 'xml'}`;
}

/**
 * Chooses the hardware of a VM and describes the VM. Queries this host's QEMU only if the answer matters.
 * @throws kind `usage` for a MAC address in `networks` that no NIC has.
 */
export async function makeDomain(
  request: DomainRequest,
  signal: AbortSignal,
): Promise<{ text: string; hardware: HardwareReport }> {
  const { machine, images, wanted, virtioSupport, networks } = request;
  if (networks !== undefined) requireKnownMacs(machine.name, machine.nics, networks);
  if (request.kubevirt) return makeManifest(request);
  const needsHost = wanted === 'auto' && virtioSupport !== 'supported';
  const devices = needsHost ? await readHostDevices(signal) : undefined;
  const choice = chooseHardware({ wanted, virtioSupport, machine, devices });
  const { facts, notes } = domainOfMachine(machine, { images, hardware: choice.kind, networks });
  return { text: domainXml(facts), hardware: { ...choice, notes } };
}

function makeManifest({ machine, images, wanted, virtioSupport, networks: requested }: DomainRequest): {
  text: string;
  hardware: HardwareReport;
} {
  const devices = KUBEVIRT_DEVICES;
  const choice = chooseHardware({ wanted, virtioSupport, machine, devices });
  // KubeVirt NICs are not on libvirt networks, so no network is named.
  const none = { all: '', of: new Map<string, string>() };
  const made = domainOfMachine(machine, { images, hardware: choice.kind, networks: none, devices });
  const { networks, notes } = kubevirtNetworks(machine.nics, requested ?? { of: new Map() });
  const virtualSizesBytes = images.map(({ virtualSizeBytes }) => virtualSizeBytes);
  const text = kubevirtYaml({ facts: made.facts, networks, virtualSizesBytes });
  return { text, hardware: { ...choice, notes: [...made.notes, ...notes, ...manifestNotes(made)] } };
}

function manifestNotes({ facts }: MadeDomain): string[] {
  return [
    ...(facts.cdRoms.length > 0
      ? ['The manifest has no CD-ROM drive, because KubeVirt does not support empty ones.']
      : []),
    ...(facts.clock === 'localtime' && facts.clockOffsetSeconds === undefined
      ? [
          'The KubeVirt clock runs in UTC. Set clock.timezone to the time zone of the guest, which reads the clock as local time.',
        ]
      : []),
  ];
}
