import { clockOffsetIn, type VmConfig, type VmNic } from '../../base/vm-config.ts';
import { readProperties } from '../session/properties.ts';
import type { VsphereClient } from '../session/vsphere-client.ts';
import type { MoRef } from '../soap/wsdl-types.ts';
import type { XmlElement } from '../soap/xml-element.ts';

/** The configuration of a VM on the server, without its name and disks, which other readers decode. */
export interface VmHardware extends Omit<VmConfig, 'name' | 'identity' | 'sharesName' | 'disks'> {
  /** Sorted by device key: `ethernet0` has the key 4000. For a distributed port group, `network` is its key. */
  nics: VmNic[];
  /** Device keys from `config.bootOptions.bootOrder`, in boot order: disks and NICs. The firmware tries the other devices after them. */
  bootDeviceKeys: number[];
}

const PATHS = [
  'config.hardware.memoryMB',
  'config.hardware.numCPU',
  'config.hardware.numCoresPerSocket',
  'config.hardware.device',
  'config.firmware',
  'config.bootOptions',
  'config.extraConfig',
  'config.guestId',
  'config.uuid',
] as const;

const MIB = 1024 * 1024;

export async function readVmHardware(client: VsphereClient, vm: MoRef, signal: AbortSignal): Promise<VmHardware> {
  const { properties } = await readProperties(client, vm, PATHS, signal);
  const text = (path: (typeof PATHS)[number]) => properties.get(path)?.text ?? '';
  const devices = properties.get('config.hardware.device')?.elements ?? [];
  const vcpus = Number(text('config.hardware.numCPU')) || 1;
  const coresPerSocket = Number(text('config.hardware.numCoresPerSocket')) || 1;
  const firmware = text('config.firmware') === 'efi' ? 'uefi' : 'bios';
  const bootOptions = properties.get('config.bootOptions');
  return {
    uuid: text('config.uuid') || undefined,
    guestId: text('config.guestId') || undefined,
    memoryBytes: Number(text('config.hardware.memoryMB')) * MIB,
    vcpus,
    coresPerSocket: vcpus % coresPerSocket === 0 ? coresPerSocket : undefined,
    firmware,
    secureBoot: firmware === 'uefi' && (bootOptions?.isTrue('efiSecureBootEnabled') ?? false),
    tpm: devices.some(({ type }) => type === 'VirtualTPM'),
    clockOffsetSeconds: clockOffsetIn(optionIn(properties.get('config.extraConfig'), 'rtc.diffFromUTC')),
    cdRoms: devices.filter(({ type }) => type === 'VirtualCdrom').length,
    nics: devices
      .filter((device) => device.find('macAddress'))
      .toSorted((a, b) => (a.numberOf('key') ?? 0) - (b.numberOf('key') ?? 0))
      .map(decodeNic),
    bootDeviceKeys: (bootOptions?.all('bootOrder') ?? []).flatMap((device) => device.numberOf('deviceKey') ?? []),
  };
}

/** The value of an option of the `.vmx`. */
function optionIn(options: XmlElement | undefined, wanted: string): string | undefined {
  const found = options
    ?.all('OptionValue')
    .find((option) => option.textOf('key')?.toLowerCase() === wanted.toLowerCase());
  return found?.textOf('value');
}

/** Models keyed by vSphere class name. */
const NIC_MODELS = new Map([
  ['VirtualVmxnet3', 'vmxnet3'],
  ['VirtualVmxnet2', 'vmxnet2'],
  ['VirtualVmxnet', 'vmxnet'],
  ['VirtualE1000', 'e1000'],
  ['VirtualE1000e', 'e1000e'],
  ['VirtualPCNet32', 'pcnet32'],
]);

function decodeNic(device: XmlElement): VmNic {
  const type = device.type ?? '';
  return {
    mac: device.textOf('macAddress')?.toLowerCase() || undefined,
    model: NIC_MODELS.get(type) ?? type,
    network: (device.textOf('backing.deviceName') ?? device.textOf('backing.port.portgroupKey')) || undefined,
    pciSlotNumber: device.numberOf('slotInfo.pciSlotNumber'),
  };
}
