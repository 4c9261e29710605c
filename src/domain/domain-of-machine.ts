import type { VmNic } from '../base/vm-config.ts';
import type { DomainDisk, DomainFacts, DomainNic } from './domain-facts.ts';
import { guestAge, type GuestAge } from './guest-age.ts';
import type { HardwareKind } from './hardware-choice.ts';
import { connectionOf, unusedNetworks, type NetworkOptions, type NicConnection } from './networks.ts';
import { placeDisks } from './place-disks.ts';
import { nicDevice, emulatedNic } from './source-devices.ts';
import type { DomainSource } from './domain-source.ts';

export interface DomainChoices {
  /** One per disk of the VM, in VM order. */
  images: Pick<DomainDisk, 'path' | 'format'>[];
  hardware: HardwareKind;
  /** The available devices, by QEMU's names; undefined allows all. */
  devices?: ReadonlySet<string> | undefined;
  /** Undefined connects all NICs to libvirt's default network. */
  networks?: NetworkOptions | undefined;
}

/** A domain, and sentences about the properties of the VM that it cannot have. */
export interface MadeDomain {
  facts: DomainFacts;
  notes: string[];
}

/** Used if the source does not specify the memory size: enough for any guest to start for inspection. */
const DEFAULT_MEMORY_BYTES = 2 * 2 ** 30;
/** The limit of machine `pc`. */
const MOST_PC_VCPUS = 255;

const UNKNOWN_MEMORY = 'The source does not specify the memory size: the domain has 2 GiB.';
const FRESH_VARIABLES =
  'The UEFI variables are new, because VMware stores them in its own format: the guest is started from \\EFI\\BOOT\\BOOTX64.EFI.';
const FRESH_TPM =
  'The TPM is new and empty: unlock what the guest had sealed in the old TPM, such as a BitLocker volume, with its recovery key.';

/**
 * Derives the libvirt domain of a VM. Pure.
 * @throws `RangeError` if the number of images differs from the number of disks.
 */
export function domainOfMachine(
  machine: DomainSource,
  { images, hardware, devices, networks = { of: new Map() } }: DomainChoices,
): MadeDomain {
  if (images.length !== machine.disks.length) throw new RangeError('There is not one image for each disk.');
  if (machine.architecture === 'aarch64') return armDomain(machine, { images, networks });
  const age = guestAge(machine.guestId);
  const hasSourceIde = hardware === 'source' && machine.disks.some(({ controller }) => controller?.kind === 'ide');
  const allowsIde = !machine.secureBoot && machine.vcpus <= MOST_PC_VCPUS && (devices?.has('piix3-ide') ?? true);
  const isPc = allowsIde && (!age.knowsSata || hasSourceIde);
  const placed = placeDisks(machine.disks, machine.cdRoms, {
    kind: hardware,
    fallback: isPc && !age.knowsSata ? 'ide' : 'sata',
    allowsIde: isPc,
    devices,
    firmware: machine.firmware,
  });
  const adapters = machine.nics.map((nic) => adapterFor(nic, hardware, age, devices));
  const connections = machine.nics.map((nic) => connectionOf(nic, networks));
  const facts: DomainFacts = {
    name: machine.name,
    identity: machine.identity,
    sharesName: machine.sharesName,
    uuid: machine.uuid,
    memoryBytes: machine.memoryBytes ?? DEFAULT_MEMORY_BYTES,
    vcpus: machine.vcpus,
    coresPerSocket: machine.coresPerSocket,
    firmware: machine.firmware,
    secureBoot: machine.secureBoot,
    tpm: machine.tpm,
    machine: isPc ? 'pc' : 'q35',
    ...clockOf(machine, age),
    video: hardware === 'virtio' && age.knowsVirtioGpu ? 'virtio' : undefined,
    hyperv: age.knowsHyperV,
    scsiControllers: placed.scsiControllers,
    disks: images.map(({ path, format }, index) => ({
      path,
      format,
      bus: 'sata',
      ...placed.places[index],
      bootOrder: machine.disks[index]?.bootOrder,
      serial: machine.disks[index]?.serial,
    })),
    cdRoms: placed.cdRoms,
    nics: adapters.map(({ nic }, index) => ({ ...nic, ...connectionAt(connections, index) })),
    guestId: machine.guestId,
  };
  const notes = [
    ...(machine.memoryBytes === undefined ? [UNKNOWN_MEMORY] : []),
    ...(machine.firmware === 'uefi' ? [FRESH_VARIABLES] : []),
    ...(machine.tpm ? [FRESH_TPM] : []),
    ...(isPc && !age.knowsSata ? [`${machine.guestId} does not support SATA: the domain is a PC with IDE.`] : []),
    ...placed.notes,
    ...new Set([...adapters, ...connections].flatMap(({ note }) => note ?? [])),
    ...unusedNetworks(machine.nics, networks),
  ];
  return { facts, notes };
}

/**
 * What the source says about its hardware clock comes first. Without that, Windows reads it as local time and all
 * others as UTC, which is how VMware sets it for them.
 */
function clockOf(
  { clockOffsetSeconds }: Pick<DomainSource, 'clockOffsetSeconds'>,
  { isWindows }: GuestAge,
): Pick<DomainFacts, 'clock' | 'clockOffsetSeconds'> {
  return { clock: isWindows ? 'localtime' : 'utc', clockOffsetSeconds };
}

/**
 * The domain of an ARM guest. The source VM had UEFI, never BIOS. KVM's ARM machine has neither VMware's controllers
 * nor its NICs.
 */
function armDomain(
  machine: DomainSource,
  { images, networks }: Required<Pick<DomainChoices, 'images'>> & { networks: NetworkOptions },
): MadeDomain {
  const { name, identity, sharesName, uuid, vcpus, coresPerSocket, tpm, guestId, memoryBytes } = machine;
  const connections = machine.nics.map((nic) => connectionOf(nic, networks));
  const age = guestAge(guestId?.replace(/^arm-?/i, ''));
  const facts: DomainFacts = {
    name,
    identity,
    sharesName,
    uuid,
    vcpus,
    coresPerSocket,
    tpm,
    guestId,
    memoryBytes: memoryBytes ?? DEFAULT_MEMORY_BYTES,
    firmware: 'uefi',
    secureBoot: false,
    machine: 'virt',
    ...clockOf(machine, age),
    video: 'virtio',
    hyperv: false,
    scsiControllers: machine.cdRoms > 0 ? ['virtio-scsi'] : [],
    disks: images.map(({ path, format }, index) => ({
      path,
      format,
      bus: 'virtio',
      bootOrder: machine.disks[index]?.bootOrder,
      serial: machine.disks[index]?.serial,
    })),
    cdRoms: Array.from({ length: machine.cdRoms }, () => 'scsi'),
    nics: machine.nics.map(({ mac }, index) => ({
      mac,
      model: 'virtio',
      ...connectionAt(connections, index),
    })),
  };
  const notes = [
    'The guest is for ARM: its domain is aarch64 and runs on ARM hosts only. The guest was neither changed nor tested.',
    ...(memoryBytes === undefined ? [UNKNOWN_MEMORY] : []),
    FRESH_VARIABLES.replace('BOOTX64', 'BOOTAA64'),
    ...(machine.secureBoot ? ['Secure boot is off: not all ARM firmware supports it.'] : []),
    ...(tpm ? [FRESH_TPM] : []),
    ...new Set(connections.flatMap(({ note }) => note ?? [])),
    ...unusedNetworks(machine.nics, networks),
  ];
  return { facts, notes };
}

function connectionAt(connections: readonly { connection: NicConnection }[], index: number): NicConnection {
  return connections[index]?.connection ?? { network: '' };
}

function adapterFor(
  { mac, model }: VmNic,
  hardware: HardwareKind,
  age: GuestAge,
  devices: ReadonlySet<string> | undefined,
): { nic: Pick<DomainNic, 'mac' | 'model'>; note?: string } {
  const adapter = { mac };
  if (hardware === 'virtio') return { nic: { ...adapter, model: 'virtio' } };
  if (hardware === 'sata') return { nic: { ...adapter, model: age.nic } };
  const same = emulatedNic(model);
  if (same !== undefined && (devices?.has(nicDevice(same)) ?? true)) return { nic: { ...adapter, model: same } };
  const note =
    model === ''
      ? `The source does not specify the model of a NIC: ${age.nic} is used.`
      : `QEMU cannot emulate the ${model} NIC of the source: ${age.nic} is used.`;
  return { nic: { ...adapter, model: age.nic }, note };
}
