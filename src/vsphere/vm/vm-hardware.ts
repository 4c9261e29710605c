import { readProperties } from '../session/properties.ts';
import type { VsphereClient } from '../session/vsphere-client.ts';
import type { MoRef } from '../soap/wsdl-types.ts';
import type { XmlElement } from '../soap/xml-element.ts';

/** A network adapter in the VM's hardware. */
export interface NetworkAdapter {
  macAddress: string;
  /** `VirtualVmxnet3`, `VirtualE1000`, ... */
  type: string;
  /** The name of the network; for a distributed port group, its key. */
  network: string;
  /** PCI slot number; the guest may name the NIC after it (`ens192`). */
  pciSlotNumber: number | undefined;
}

/** What a libvirt domain is built from, besides the disks. */
export interface VmHardware {
  memoryBytes: number;
  cpus: number;
  coresPerSocket: number;
  firmware: 'bios' | 'uefi';
  secureBoot: boolean;
  /** VMware's guest OS identifier, such as `debian11_64Guest`. */
  guestId: string;
  biosUuid: string;
  tpm: boolean;
  cdRoms: number;
  /** Sorted by device key: `ethernet0` has the key 4000. */
  networkAdapters: NetworkAdapter[];
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
  'config.guestId',
  'config.uuid',
] as const;

const MIB = 1024 * 1024;

export async function readVmHardware(client: VsphereClient, vm: MoRef, signal: AbortSignal): Promise<VmHardware> {
  const { properties } = await readProperties(client, vm, PATHS, signal);
  const text = (path: (typeof PATHS)[number]) => properties.get(path)?.text ?? '';
  const devices = properties.get('config.hardware.device')?.elements ?? [];
  return {
    memoryBytes: Number(text('config.hardware.memoryMB')) * MIB,
    cpus: Number(text('config.hardware.numCPU')) || 1,
    coresPerSocket: Number(text('config.hardware.numCoresPerSocket')) || 1,
    firmware: text('config.firmware') === 'efi' ? 'uefi' : 'bios',
    secureBoot: properties.get('config.bootOptions')?.isTrue('efiSecureBootEnabled') ?? false,
    guestId: text('config.guestId'),
    biosUuid: text('config.uuid'),
    tpm: devices.some(({ type }) => type === 'VirtualTPM'),
    cdRoms: devices.filter(({ type }) => type === 'VirtualCdrom').length,
    networkAdapters: devices
      .filter((device) => device.find('macAddress'))
      .toSorted((a, b) => (a.numberOf('key') ?? 0) - (b.numberOf('key') ?? 0))
      .map(decodeNetworkAdapter),
    bootDeviceKeys: (properties.get('config.bootOptions')?.all('bootOrder') ?? []).flatMap(
      (device) => device.numberOf('deviceKey') ?? [],
    ),
  };
}

function decodeNetworkAdapter(device: XmlElement): NetworkAdapter {
  return {
    macAddress: device.textOf('macAddress') ?? '',
    type: device.type ?? '',
    network: device.textOf('backing.deviceName') ?? device.textOf('backing.port.portgroupKey') ?? '',
    pciSlotNumber: device.numberOf('slotInfo.pciSlotNumber'),
  };
}
