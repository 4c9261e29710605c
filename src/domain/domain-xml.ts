import { Hyper2kvmError } from '../base/errors.ts';
import { safeFileName } from '../base/file-names.ts';
import type { DomainDisk, DomainFacts, DomainNic } from './domain-facts.ts';
import { element, isXmlText, toXmlText } from './xml-text.ts';

/** Names the metadata that is this program's own; never looked up. */
const METADATA_NAMESPACE = 'urn:hyper2kvm:source';

/**
 * Writes the libvirt domain (https://libvirt.org/formatdomain.html) of a machine: text that ends with a line end and is the same for the same facts. `virt-xml-validate` accepts it, and
 * `virsh define` takes it. Throws kind `local-file` for a disk whose path XML cannot hold, kind `internal` for facts that contradict each other.
 */
export function domainXml(facts: DomainFacts): string {
  requireConsistent(facts);
  const lines = element('domain', { type: 'kvm' }, [
    element('name', {}, domainName(facts.name)),
    ...(facts.uuid === undefined ? [] : [element('uuid', {}, facts.uuid)]),
    ...metadata(facts),
    // libvirt counts in KiB, and rounds up itself.
    element('memory', { unit: 'KiB' }, String(Math.ceil(facts.memoryBytes / 1024))),
    element('vcpu', { placement: 'static' }, String(facts.vcpus)),
    firmware(facts),
    features(facts),
    processor(facts),
    element('clock', { offset: 'utc' }),
    devices(facts),
  ]);
  return lines.map((line) => `${line}\n`).join('');
}

/**
 * The name under which libvirt knows the domain. libvirt makes files of it and so refuses `/`, line ends and names of more than 255 bytes: it is
 * what the name would be as a file's.
 */
export function domainName(name: string): string {
  return toXmlText(safeFileName(name));
}

function requireConsistent({ disks, machine, firmware: kind, secureBoot, coresPerSocket, vcpus }: DomainFacts): void {
  const wrong = disks.find(({ path }) => !isXmlText(path) || /[\r\n]/.test(path));
  if (wrong !== undefined) {
    throw new Hyper2kvmError('local-file', `The path ${JSON.stringify(wrong.path)} cannot stand in a libvirt domain.`, {
      hint: 'Choose an output folder whose name has no control characters.',
    });
  }
  const contradiction =
    disks.some(({ path }) => !path.startsWith('/')) ||
    (machine === 'q35' && disks.some(({ bus }) => bus === 'ide')) ||
    (secureBoot && (kind !== 'uefi' || machine !== 'q35')) ||
    (coresPerSocket !== undefined && vcpus % coresPerSocket !== 0);
  if (contradiction) throw new Hyper2kvmError('internal', 'The facts of the domain contradict each other.');
}

function metadata({ guestId }: DomainFacts): string[][] {
  if (guestId === undefined) return [];
  const guest = element('hyper2kvm:guest', { 'xmlns:hyper2kvm': METADATA_NAMESPACE, id: toXmlText(guestId) });
  return [element('metadata', {}, [guest])];
}

/**
 * libvirt looks for a firmware image that has these features. Without secure boot it must not choose one with enrolled keys, which would refuse the guest's boot loader;
 * asking for `secure-boot` off as well would leave nothing to choose on hosts that only have images built for it.
 */
function firmware({ firmware: kind, secureBoot, machine }: DomainFacts): string[] {
  const type = element('type', { arch: 'x86_64', machine }, 'hvm');
  if (kind === 'bios') return element('os', {}, [type]);
  const keys = element('feature', { enabled: secureBoot ? 'yes' : 'no', name: 'enrolled-keys' });
  const secure = secureBoot ? [element('feature', { enabled: 'yes', name: 'secure-boot' })] : [];
  return element('os', { firmware: 'efi' }, [type, element('firmware', {}, [...secure, keys])]);
}

/** Secure boot needs system management mode, without which a guest could change the keys. */
function features({ secureBoot }: DomainFacts): string[] {
  const smm = secureBoot ? [element('smm', { state: 'on' })] : [];
  return element('features', {}, [element('acpi'), element('apic'), ...smm]);
}

function processor({ vcpus, coresPerSocket }: DomainFacts): string[] {
  if (coresPerSocket === undefined) return element('cpu', { mode: 'host-model' });
  const topology = { sockets: vcpus / coresPerSocket, cores: coresPerSocket, threads: 1 };
  return element('cpu', { mode: 'host-model' }, [element('topology', topology)]);
}

function devices({ disks, nics }: DomainFacts): string[] {
  const names = targetNames(disks);
  const boot = bootOrders(disks);
  return element('devices', {}, [
    ...disks.map((disk, index) => diskElement(disk, names[index] ?? '', boot[index] ?? 0)),
    ...(disks.some(({ bus }) => bus === 'scsi') ? [element('controller', { type: 'scsi', model: 'virtio-scsi' })] : []),
    ...nics.map(nicElement),
    element('serial', { type: 'pty' }),
    element('console', { type: 'pty' }),
    element('input', { type: 'tablet', bus: 'usb' }),
    element('graphics', { type: 'vnc', autoport: 'yes', listen: '127.0.0.1' }),
    element('video', {}, [element('model', { type: 'vga' })]),
    element('rng', { model: 'virtio' }, [element('backend', { model: 'random' }, '/dev/urandom')]),
  ]);
}

function diskElement({ path, format, bus }: DomainDisk, name: string, bootOrder: number): string[] {
  return element('disk', { type: 'file', device: 'disk' }, [
    element('driver', { name: 'qemu', type: format }),
    element('source', { file: path }),
    element('target', { dev: name, bus }),
    element('boot', { order: bootOrder }),
  ]);
}

function nicElement({ mac, model, network }: DomainNic): string[] {
  return element('interface', { type: 'network' }, [
    ...(mac === undefined ? [] : [element('mac', { address: mac })]),
    element('source', { network: toXmlText(network) }),
    element('model', { type: model }),
  ]);
}

/** 1, 2, 3 …: libvirt wants each number once. */
function bootOrders(disks: readonly DomainDisk[]): number[] {
  const wanted = disks.map(({ bootOrder }) => bootOrder ?? Number.MAX_VALUE);
  const ranked = [...disks.keys()].toSorted((a, b) => (wanted[a] ?? 0) - (wanted[b] ?? 0));
  return disks.map((_disk, index) => ranked.indexOf(index) + 1);
}

const PREFIXES = { sata: 'sd', scsi: 'sd', virtio: 'vd', ide: 'hd' } as const;

/** `sda`, `sdb`, … `sdz`, `sdaa`: each prefix counts for itself, as libvirt derives the place on the bus from it. */
function targetNames(disks: readonly DomainDisk[]): string[] {
  const counts = new Map<string, number>();
  return disks.map(({ bus }) => {
    const prefix = PREFIXES[bus];
    const index = counts.get(prefix) ?? 0;
    counts.set(prefix, index + 1);
    return prefix + letters(index);
  });
}

function letters(index: number): string {
  const last = String.fromCharCode(0x61 + (index % 26));
  return index < 26 ? last : letters(Math.floor(index / 26) - 1) + last;
}
