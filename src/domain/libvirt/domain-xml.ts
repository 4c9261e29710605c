import { Hyper2kvmError } from '../../base/errors.ts';
import { safeFileName } from '../../base/files/file-names.ts';
import { element, isXmlText, toXmlText } from '../../base/xml/xml-text.ts';
import { deviceElements } from './domain-devices.ts';
import type { DomainFacts } from '../domain-facts.ts';
import { vmNameFor, type NamedVm } from '../vm-name.ts';

/** The namespace of this program's metadata; it is never resolved. */
const METADATA_NAMESPACE = 'urn:hyper2kvm:source';
/** libvirt appends suffixes such as `-nvram.fd`, and file names are limited to 255 bytes. */
const MOST_NAME_BYTES = 215;
/** The limit of 8-bit local APIC ids. More vCPUs need an IOMMU with interrupt remapping. */
const MOST_PLAIN_VCPUS = 255;

/**
 * Writes the libvirt domain (https://libvirt.org/formatdomain.html) of a VM. The text ends with a newline and is
 * identical for identical facts. It passes `virt-xml-validate` and `virsh define`.
 * @throws kind `local-file` for a disk path that XML cannot contain, kind `internal` for contradictory facts.
 */
export function domainXml(facts: DomainFacts): string {
  requireConsistent(facts);
  const lines = element('domain', { type: 'kvm' }, [
    element('name', {}, domainName(facts)),
    ...(facts.uuid === undefined ? [] : [element('uuid', {}, facts.uuid)]),
    ...metadata(facts),
    // libvirt counts in KiB and rounds up.
    element('memory', { unit: 'KiB' }, String(Math.ceil(facts.memoryBytes / 1024))),
    element('vcpu', { placement: 'static' }, String(facts.vcpus)),
    firmware(facts),
    features(facts),
    processor(facts),
    clock(facts),
    element('devices', {}, [...deviceElements(facts), ...interruptRemapping(facts)]),
  ]);
  return lines.map((line) => `${line}\n`).join('');
}

/**
 * The domain's name. libvirt creates files from it and therefore rejects `/`, newlines and names of more than 255
 * bytes. The result is a safe file name, plus a piece of the VM's identity if it differs from the VM's name.
 */
export function domainName(vm: NamedVm): string {
  return vmNameFor(vm, MOST_NAME_BYTES, (text, maxBytes) => toXmlText(safeFileName(text, { maxBytes })));
}

function requireConsistent(facts: DomainFacts): void {
  const { disks, machine, firmware: kind, secureBoot, coresPerSocket, vcpus, cdRoms, scsiControllers } = facts;
  const wrong = disks.find(({ path }) => !isXmlText(path) || /[\r\n]/.test(path));
  if (wrong !== undefined) {
    throw new Hyper2kvmError(
      'local-file',
      `The path ${JSON.stringify(wrong.path)} cannot be used in a libvirt domain.`,
      {
        hint: 'Choose an output folder whose name has no control characters.',
      },
    );
  }
  const buses = [...disks.map(({ bus }) => bus), ...cdRoms];
  const contradiction =
    disks.some(({ path }) => !path.startsWith('/')) ||
    disks.some(({ bus, scsi }) => (bus === 'scsi') !== (scsi !== undefined)) ||
    disks.some(({ scsi }) => scsi !== undefined && scsiControllers[scsi.controller] === undefined) ||
    (machine === 'q35' && buses.includes('ide')) ||
    (machine === 'pc' && vcpus > MOST_PLAIN_VCPUS) ||
    (secureBoot && (kind !== 'uefi' || machine !== 'q35')) ||
    (machine === 'virt' && (kind !== 'uefi' || buses.some((bus) => bus === 'sata' || bus === 'ide'))) ||
    (coresPerSocket !== undefined && vcpus % coresPerSocket !== 0);
  if (contradiction) throw new Hyper2kvmError('internal', 'The settings of the domain contradict each other.');
}

function metadata({ guestId }: DomainFacts): string[][] {
  if (guestId === undefined) return [];
  const guest = element('hyper2kvm:guest', { 'xmlns:hyper2kvm': METADATA_NAMESPACE, id: toXmlText(guestId) });
  return [element('metadata', {}, [guest])];
}

/**
 * libvirt selects a firmware image with these features. Without secure boot it must not select an image with enrolled
 * keys, which would reject the guest's boot loader. Turning `secure-boot` off as well would leave no image on hosts
 * that only have images built with it.
 */
function firmware({ firmware: kind, secureBoot, machine }: DomainFacts): string[] {
  const arch = machine === 'virt' ? 'aarch64' : 'x86_64';
  const type = element('type', { arch, machine }, 'hvm');
  if (kind === 'bios') return element('os', {}, [type]);
  const keys = element('feature', { enabled: secureBoot ? 'yes' : 'no', name: 'enrolled-keys' });
  const secure = secureBoot ? [element('feature', { enabled: 'yes', name: 'secure-boot' })] : [];
  return element('os', { firmware: 'efi' }, [type, element('firmware', {}, [...secure, keys])]);
}

/** Secure boot needs system management mode; without it, a guest could change the keys. */
function features({ secureBoot, hyperv, vcpus, machine }: DomainFacts): string[] {
  // The other features exist on x86 only.
  if (machine === 'virt') return element('features', {}, [element('acpi')]);
  const on = { state: 'on' };
  const enlightenments = [element('relaxed', on), element('vapic', on), element('spinlocks', { ...on, retries: 8191 })];
  return element('features', {}, [
    element('acpi'),
    element('apic'),
    ...(hyperv ? [element('hyperv', { mode: 'custom' }, enlightenments)] : []),
    ...(secureBoot ? [element('smm', on)] : []),
    ...(vcpus > MOST_PLAIN_VCPUS ? [element('ioapic', { driver: 'qemu' })] : []),
  ]);
}

/**
 * `host-model` exposes every host CPU feature that a live migration can describe. A source's CPU type is not
 * portable, and its guest has already run on different hosts.
 */
function processor({ vcpus, coresPerSocket, machine }: DomainFacts): string[] {
  // libvirt has no CPU models for ARM.
  const mode = machine === 'virt' ? 'host-passthrough' : 'host-model';
  if (coresPerSocket === undefined) return element('cpu', { mode });
  const topology = { sockets: vcpus / coresPerSocket, cores: coresPerSocket, threads: 1 };
  return element('cpu', { mode }, [element('topology', topology)]);
}

/**
 * Ticks that a busy host missed are delivered later, because Windows counts them. Windows prefers Hyper-V's clock,
 * and the HPET costs it time.
 */
function clock({ clock: kind, clockOffsetSeconds, hyperv, machine }: DomainFacts): string[] {
  const moved = { offset: 'variable', adjustment: clockOffsetSeconds ?? 0, basis: 'utc' };
  const offset =
    clockOffsetSeconds === undefined ? { offset: kind } : clockOffsetSeconds === 0 ? { offset: 'utc' } : moved;
  if (kind === 'utc' || machine === 'virt') return element('clock', offset);
  return element('clock', offset, [
    element('timer', { name: 'rtc', tickpolicy: 'catchup' }),
    element('timer', { name: 'pit', tickpolicy: 'delay' }),
    element('timer', { name: 'hpet', present: 'no' }),
    ...(hyperv ? [element('timer', { name: 'hypervclock', present: 'yes' })] : []),
  ]);
}

function interruptRemapping({ vcpus, machine }: DomainFacts): string[][] {
  if (vcpus <= MOST_PLAIN_VCPUS || machine === 'virt') return [];
  return [element('iommu', { model: 'intel' }, [element('driver', { intremap: 'on', eim: 'on' })])];
}
