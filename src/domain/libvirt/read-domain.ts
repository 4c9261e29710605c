import { isAbsolute } from 'node:path';
import { Hyper2kvmError } from '../../base/errors.ts';
import { readDisks, type ReadDisk } from './read-disks.ts';
import { readNics, type ReadNic } from './read-nics.ts';
import { childOf, childrenOf, parseXmlTree, type XmlNode } from './xml-tree.ts';

/** The parts of a domain that define the hardware for booting and for the network. */
export interface ReadDomain {
  name: string;
  uuid: string | undefined;
  memoryBytes: number;
  vcpus: number;
  /** A divisor of `vcpus`. */
  coresPerSocket: number | undefined;
  machine: 'q35' | 'pc';
  clock: 'utc' | 'localtime';
  firmware: ReadFirmware;
  /** Hard disks only, in domain order. */
  disks: ReadDisk[];
  /** In the order in which Linux finds them. */
  nics: ReadNic[];
  hasTpm: boolean;
  /** The domain has the virtio channel of the QEMU guest agent. */
  hasAgentChannel: boolean;
}

export type ReadFirmware =
  | { kind: 'bios' }
  /** `loader` and `nvram` are set if the domain names its own files, as a domain that libvirt has started does. */
  | { kind: 'uefi'; secureBoot: boolean; loader: FlashImage | undefined; nvram: FlashImage | undefined };

export interface FlashImage {
  path: string;
  format: 'raw' | 'qcow2';
}

/** libvirt's memory units in bytes; the default unit is KiB. */
const MEMORY_UNITS: ReadonlyMap<string, number> = new Map([
  ...['b', 'bytes'].map((unit): [string, number] => [unit, 1]),
  ...['kb', 'mb', 'gb', 'tb'].map((unit, index): [string, number] => [unit, 1000 ** (index + 1)]),
  ...['k', 'm', 'g', 't'].map((unit, index): [string, number] => [unit, 1024 ** (index + 1)]),
  ...['kib', 'mib', 'gib', 'tib'].map((unit, index): [string, number] => [unit, 1024 ** (index + 1)]),
]);

const MOST_VCPUS = 4096;

/**
 * Reads a libvirt domain (https://libvirt.org/formatdomain.html) as written by `domainXml` or printed by `virsh
 * dumpxml`. `source` names it in messages.
 * @throws kind `image` if the text is not a domain for x86-64, or a disk is not a file or block device of this host.
 */
export function readDomain(text: string, source: string): ReadDomain {
  const refuse = refusalFor(source);
  const root = rootOf(text, refuse);
  const vcpus = wholeNumber(childOf(root, 'vcpu')?.text ?? '1');
  if (!(vcpus >= 1 && vcpus <= MOST_VCPUS)) refuse('the number of its vCPUs cannot be read');
  const memoryBytes = memoryOf(childOf(root, 'memory'));
  if (!(memoryBytes > 0 && Number.isSafeInteger(memoryBytes))) refuse('its memory cannot be read');
  requireX86(root, source);
  const machine = machineOf(root, refuse);
  return {
    ...identityOf(root),
    memoryBytes,
    vcpus,
    coresPerSocket: coresOf(root, vcpus),
    machine,
    clock: childOf(root, 'clock')?.attributes.get('offset') === 'localtime' ? 'localtime' : 'utc',
    firmware: firmwareOf(root),
    disks: readDisks(childOf(root, 'devices'), refuse),
    nics: readNics(childOf(root, 'devices')),
    hasTpm: childOf(root, 'devices/tpm') !== undefined,
    hasAgentChannel: hasAgentChannel(childOf(root, 'devices')),
  };
}

/**
 * The name and UUID of a libvirt domain of any architecture.
 * @throws kind `image` if the text is not a domain.
 */
export function readDomainIdentity(text: string, source: string): Pick<ReadDomain, 'name' | 'uuid'> {
  return identityOf(rootOf(text, refusalFor(source)));
}

/**
 * The hard disks of a libvirt domain of any architecture.
 * @throws kind `image` if the text is not a domain, or a disk is not a file or block device of this host.
 */
export function readDomainDisks(text: string, source: string): ReadDisk[] {
  const refuse = refusalFor(source);
  return readDisks(childOf(rootOf(text, refuse), 'devices'), refuse);
}

/** The name of the agent's port is the one that the agent opens in the guest. */
function hasAgentChannel(devices: XmlNode | undefined): boolean {
  return childrenOf(devices, 'channel').some((channel) => {
    const target = childOf(channel, 'target')?.attributes;
    return target?.get('type') === 'virtio' && target.get('name') === 'org.qemu.guest_agent.0';
  });
}

function refusalFor(source: string): (what: string) => never {
  return (what) => {
    throw new Hyper2kvmError('image', `${source} is not a usable libvirt domain: ${what}.`, {
      hint: 'Give the XML of one domain, as hyper2kvm writes it or virsh dumpxml shows it.',
    });
  };
}

function rootOf(text: string, refuse: (what: string) => never): XmlNode {
  const root = parseXmlTree(text.replace(/^\uFEFF/, ''), refuse);
  return root.name === 'domain' ? root : refuse(`its root element is ${root.name}, not domain`);
}

function identityOf(root: XmlNode): Pick<ReadDomain, 'name' | 'uuid'> {
  return { name: childOf(root, 'name')?.text || 'domain', uuid: uuidOf(childOf(root, 'uuid')?.text) };
}

/** `convert` and `export` also write domains for ARM. */
function requireX86(root: XmlNode, source: string): void {
  const arch = childOf(root, 'os/type')?.attributes.get('arch') ?? 'x86_64';
  if (arch === 'x86_64') return;
  throw new Hyper2kvmError(
    'image',
    `${source} is a domain for ${arch.slice(0, 40)}, but only x86_64 domains can be booted.`,
    {
      hint: 'Start it on a host of that architecture: virsh define, then virsh start.',
    },
  );
}

function machineOf(root: XmlNode, refuse: (what: string) => never): 'q35' | 'pc' {
  const machine = childOf(root, 'os/type')?.attributes.get('machine') ?? 'pc';
  // pc-q35-7.2, pc-i440fx-7.2; RHEL's own versions have the same prefixes.
  if (/^(?:pc-)?q35(?:-|$)/.test(machine)) return 'q35';
  if (/^pc(?:-i440fx-.*)?$/.test(machine)) return 'pc';
  return refuse(`its machine type ${machine.slice(0, 40)} is neither q35 nor pc`);
}

/**
 * UEFI is requested by `firmware="efi"` or by a loader of type `pflash`. Secure boot requires enrolled keys; a loader
 * that merely supports it does not count.
 */
function firmwareOf(root: XmlNode): ReadFirmware {
  const os = childOf(root, 'os');
  const loader = childOf(os, 'loader');
  const isUefi = os?.attributes.get('firmware') === 'efi' || loader?.attributes.get('type') === 'pflash';
  if (!isUefi) return { kind: 'bios' };
  const features = childrenOf(childOf(os, 'firmware'), 'feature');
  const isOn = (name: string): boolean =>
    features.some(({ attributes }) => attributes.get('name') === name && attributes.get('enabled') === 'yes');
  const secureBoot = features.length > 0 ? isOn('enrolled-keys') : loader?.attributes.get('secure') === 'yes';
  return { kind: 'uefi', secureBoot, loader: flashOf(loader), nvram: flashOf(childOf(os, 'nvram')) };
}

function flashOf(node: XmlNode | undefined): FlashImage | undefined {
  const format = node?.attributes.get('format') ?? 'raw';
  if (node === undefined || !isAbsolute(node.text) || (format !== 'raw' && format !== 'qcow2')) return undefined;
  return { path: node.text, format };
}

function coresOf(root: XmlNode, vcpus: number): number | undefined {
  const cores = wholeNumber(childOf(root, 'cpu/topology')?.attributes.get('cores') ?? '');
  return cores >= 1 && vcpus % cores === 0 ? cores : undefined;
}

function memoryOf(node: XmlNode | undefined): number {
  const unit = MEMORY_UNITS.get((node?.attributes.get('unit') ?? 'KiB').toLowerCase());
  return wholeNumber(node?.text ?? '') * (unit ?? NaN);
}

function uuidOf(text: string | undefined): string | undefined {
  return text !== undefined && /^[0-9a-f]{8}(?:-[0-9a-f]{4}){3}-[0-9a-f]{12}$/i.test(text)
    ? text.toLowerCase()
    : undefined;
}

/** NaN if the text is not a non-negative integer. */
function wholeNumber(text: string): number {
  return /^\d{1,15}$/.test(text) ? Number(text) : NaN;
}
