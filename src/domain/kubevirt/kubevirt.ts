import { Document, isMap } from 'yaml';
import { bootOrders } from '../libvirt/domain-devices.ts';
import type { DomainDisk, DomainFacts } from '../domain-facts.ts';
import { diskClaimName, kubernetesVmName } from './kubernetes-name.ts';
import type { NamedVm } from '../vm-name.ts';
import type { KubevirtNetwork } from './kubevirt-networks.ts';

/** The devices that KubeVirt supports, by QEMU's names. */
export const KUBEVIRT_DEVICES: ReadonlySet<string> = new Set([
  'virtio-blk-pci',
  'virtio-scsi-pci',
  'ich9-ahci',
  'virtio-net-pci',
  'e1000',
  'e1000e',
  'pcnet',
  'rtl8139',
]);

/** A VM whose domain was made for {@link KUBEVIRT_DEVICES}. */
export interface KubevirtMachine {
  facts: DomainFacts;
  /** One per NIC. */
  networks: readonly KubevirtNetwork[];
  /** One per disk: the size that its claim must hold. */
  virtualSizesBytes: readonly number[];
}

/**
 * Writes the KubeVirt VirtualMachine (kubevirt.io/v1) of a VM as YAML. The text is identical for identical facts.
 * Applying it does not start the VM, because its disks have to be uploaded first; a comment at each disk contains the
 * command.
 */
export function kubevirtYaml({ facts, networks, virtualSizesBytes }: KubevirtMachine): string {
  const name = kubernetesVmName(facts);
  const boot = bootOrders(facts.disks);
  const disks = facts.disks.map(({ bus, serial }, index) => ({
    name: `disk-${index + 1}`,
    bootOrder: boot[index],
    ...(serial === undefined ? {} : { serial }),
    disk: { bus },
  }));
  const interfaces = facts.nics.map(({ mac, model }, index) => ({
    name: `nic-${index + 1}`,
    model,
    ...(mac === undefined ? {} : { macAddress: mac.toLowerCase() }),
    ...(networks[index] === 'pod' ? { masquerade: {} } : { bridge: {} }),
  }));
  const manifest = new Document({
    apiVersion: 'kubevirt.io/v1',
    kind: 'VirtualMachine',
    metadata: { name },
    spec: {
      runStrategy: 'Halted',
      template: {
        metadata: { labels: { 'kubevirt.io/vm': name } },
        spec: {
          ...(facts.machine === 'virt' ? { architecture: 'arm64' } : {}),
          domain: {
            ...machineOf(facts),
            devices: {
              disks,
              // KubeVirt adds a NIC to a VM without NICs unless this is off.
              ...(interfaces.length > 0 ? { interfaces } : { autoattachPodInterface: false }),
              rng: {},
              ...(facts.tpm ? { tpm: { persistent: true } } : {}),
            },
          },
          ...(interfaces.length > 0 ? { networks: interfaces.map((nic, at) => sourceOf(nic.name, networks[at])) } : {}),
          volumes: disks.map((disk, index) => ({
            name: disk.name,
            persistentVolumeClaim: { claimName: diskClaimName(facts, index) },
          })),
        },
      },
    },
  });
  for (const [index, disk] of facts.disks.entries()) {
    const volume = manifest.getIn(['spec', 'template', 'spec', 'volumes', index], true);
    if (isMap(volume)) volume.commentBefore = uploadComment(facts, index, disk, virtualSizesBytes[index] ?? 0);
  }
  return manifest.toString({ lineWidth: 0 });
}

function sourceOf(name: string, network: KubevirtNetwork = 'pod') {
  return network === 'pod' ? { name, pod: {} } : { name, multus: { networkName: network.attachment } };
}

function machineOf({ vcpus, coresPerSocket = 1, memoryBytes, firmware, secureBoot, uuid, ...facts }: DomainFacts) {
  const bootloader = firmware === 'uefi' ? { efi: { secureBoot } } : { bios: {} };
  const enlightenments = { relaxed: {}, vapic: {}, spinlocks: { spinlocks: 8191 } };
  return {
    machine: { type: facts.machine },
    cpu: { sockets: vcpus / coresPerSocket, cores: coresPerSocket, threads: 1 },
    memory: { guest: quantity(memoryBytes) },
    firmware: { ...(uuid === undefined ? {} : { uuid: uuid.toLowerCase() }), bootloader },
    features: {
      acpi: {},
      ...(facts.machine === 'virt' ? {} : { apic: {} }),
      ...(facts.hyperv ? { hyperv: enlightenments } : {}),
      ...(secureBoot ? { smm: {} } : {}),
    },
    clock: { utc: clockOffset(facts), timer: timers(facts) },
  };
}

/** The size in Kubernetes' canonical form, rounded up to a MiB. */
function quantity(bytes: number): string {
  const mebibytes = Math.ceil(bytes / 2 ** 20);
  return mebibytes % 1024 === 0 ? `${mebibytes / 1024}Gi` : `${mebibytes}Mi`;
}

function clockOffset({ clockOffsetSeconds = 0 }: Pick<DomainFacts, 'clockOffsetSeconds'>) {
  return clockOffsetSeconds === 0 ? {} : { offsetSeconds: clockOffsetSeconds };
}

/** The same timers as in the libvirt domain; KubeVirt's defaults otherwise. */
function timers({ clock, hyperv, machine }: Pick<DomainFacts, 'clock' | 'hyperv' | 'machine'>) {
  if (clock === 'utc' || machine === 'virt') return {};
  return {
    rtc: { tickPolicy: 'catchup' },
    pit: { tickPolicy: 'delay' },
    hpet: { present: false },
    ...(hyperv ? { hyperv: {} } : {}),
  };
}

/** A DataVolume creates the claim with its own name, including the overhead of the file system that may hold it. */
function uploadComment(vm: NamedVm, index: number, { path }: DomainDisk, virtualSizeBytes: number): string {
  return ` virtctl image-upload dv ${diskClaimName(vm, index)} --size=${quantity(virtualSizeBytes)} --image-path=${shellWord(path)}`;
}

/** Control characters would end the comment. */
function shellWord(path: string): string {
  if (/^[\w@%+=:,./-]+$/.test(path)) return path;
  // oxlint-disable-next-line no-control-regex -- control characters are what is looked for
  return `'${path.replaceAll("'", String.raw`'\''`).replaceAll(/[\u0000-\u001f\u007f-\u009f\u2028\u2029]/g, '?')}'`;
}
