import { clockOffsetIn, type VmConfig } from '../../base/vm-config.ts';
import { Hyper2kvmError } from '../../base/errors.ts';
import { wholeNumber } from '../descriptor/sections.ts';
import { readDrives, readVmxNics, type VmxDisk } from './vmx-devices.ts';
import { MOST_VMX_BYTES, readVmxText, type RefuseVmx, type VmxValues } from './vmx-text.ts';

/** The configuration in a `.vmx` file, which describes a VM on ESXi, Workstation or Fusion. */
export interface VmxFacts extends VmConfig {
  /** Ordered by bus, controller and unit. */
  disks: VmxDisk[];
  /** Assigned by vCenter, and unique among its VMs. */
  instanceUuid: string | undefined;
}

const MIB = 2 ** 20;
/** More than any hypervisor supports; the maximum in vSphere is 960 (version 9). */
const MOST_VCPUS = 8192;

/**
 * Parses a `.vmx`; `label` identifies it in errors.
 * @throws Hyper2kvmError kind `image` if it is encrypted, contradicts itself, or has disks that are not files of the
 * VM.
 */
export function readVmx(bytes: Uint8Array, label: string): VmxFacts {
  const refuse: RefuseVmx = (what) => {
    throw new Hyper2kvmError('image', `The VM configuration ${label} cannot be used: ${what}.`, {
      hint: 'Convert its .vmdk files one by one.',
    });
  };
  if (bytes.length > MOST_VMX_BYTES) refuse('it is too long for a .vmx file');
  const values = readVmxText(bytes, refuse);
  if (values.has('encryption.data') || values.has('encryption.keysafe')) refuse('it is encrypted');
  const isUefi = values.get('firmware')?.toLowerCase() === 'efi';
  const vcpus = countOf(values, 'numvcpus', refuse) ?? 1;
  const cores = countOf(values, 'cpuid.corespersocket', refuse);
  const memoryMib = countOf(values, 'memsize', refuse);
  if (vcpus > MOST_VCPUS) refuse('it gives no valid number of processors');
  return {
    name: values.get('displayname') ?? '',
    uuid: uuidIn(values.get('uuid.bios')),
    instanceUuid: uuidIn(values.get('vc.uuid')),
    guestId: values.get('guestos') || undefined,
    memoryBytes: memoryMib === undefined ? undefined : memoryMib * MIB,
    vcpus,
    coresPerSocket: cores !== undefined && vcpus % cores === 0 ? cores : undefined,
    firmware: isUefi ? 'uefi' : 'bios',
    secureBoot: isUefi && isTrue(values, 'uefi.secureboot.enabled'),
    tpm: isTrue(values, 'vtpm.present'),
    clockOffsetSeconds: clockOffsetIn(values.get('rtc.difffromutc')),
    nics: readVmxNics(values),
    ...readDrives(values, refuse),
  };
}

function isTrue(values: VmxValues, key: string): boolean {
  return values.get(key)?.toLowerCase() === 'true';
}

/** Undefined if the key is missing. */
function countOf(values: VmxValues, key: string, refuse: RefuseVmx): number | undefined {
  const text = values.get(key);
  if (text === undefined || text === '') return undefined;
  const count = wholeNumber(text) ?? 0;
  if (count < 1 || !Number.isSafeInteger(count * MIB)) refuse(`its ${key} is ${JSON.stringify(text.slice(0, 40))}`);
  return count;
}

/** Parses `56 4d 3c 5a 0b 9b d0 d5-4b 0e 64 8b 4b 1f 5a 0c`. Like vSphere, keeps the order of the bytes. */
function uuidIn(text: string | undefined): string | undefined {
  const digits = (text ?? '').replace(/[ -]/g, '').toLowerCase();
  if (!/^[0-9a-f]{32}$/.test(digits)) return undefined;
  return digits.replace(/^(.{8})(.{4})(.{4})(.{4})(.{12})$/, '$1-$2-$3-$4-$5');
}
