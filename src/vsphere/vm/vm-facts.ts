import { Hyper2kvmError } from '../../base/errors.ts';
import { readProperties, requireProperty, type ObjectContent } from '../session/properties.ts';
import { refOf } from '../soap/soap-envelope.ts';
import { decodeDisks, decodeOccupiedBytes, type VirtualDisk } from './virtual-disk.ts';
import type { VsphereClient } from '../session/vsphere-client.ts';
import type { MoRef } from '../soap/wsdl-types.ts';
import type { XmlElement } from '../soap/xml-element.ts';

/** A snapshot in the snapshot tree of a VM. */
export interface VmSnapshot {
  ref: MoRef;
  name: string;
  createTime: string;
  quiesced: boolean;
}

/** The properties of a VM that an export needs. */
export interface VmFacts {
  ref: MoRef;
  instanceUuid: string;
  /** Changes with every reconfiguration of the VM. */
  changeVersion: string;
  /** `poweredOn`, `poweredOff` or `suspended`. */
  powerState: string;
  /** `connected`, or the reason why the host cannot access the VM. */
  connectionState: string;
  template: boolean;
  guest: string;
  toolsRunning: boolean;
  firmware: 'bios' | 'uefi';
  disks: VirtualDisk[];
  /** By disk key. */
  occupiedBytes: Map<number, number>;
  /** The VM has an NVRAM file. */
  hasNvram: boolean;
  /** All snapshots of the tree, parents before children. */
  snapshots: VmSnapshot[];
  consolidationNeeded: boolean;
  encrypted: boolean;
  hasTpm: boolean;
  /** Labels of connected CD-ROM drives with an image, and the image. */
  attachedImages: string[];
  /** Labels of passthrough devices. */
  passthroughDevices: string[];
}

/** The properties from which {@link decodeVmFacts} decodes. */
export const VM_FACT_PATHS = [
  'name',
  'config.instanceUuid',
  'config.changeVersion',
  'config.template',
  'config.guestFullName',
  'config.firmware',
  'config.hardware.device',
  'config.keyId',
  'runtime.powerState',
  'runtime.connectionState',
  'runtime.consolidationNeeded',
  'guest.toolsRunningStatus',
  'snapshot',
  'layoutEx',
] as const;

/**
 * Reads the facts of a VM.
 * @throws Hyper2kvmError `authentication` when the account may not read all of them: partial facts would be
 * misinterpreted.
 */
export async function readVmFacts(client: VsphereClient, ref: MoRef, signal: AbortSignal): Promise<VmFacts> {
  return decodeVmFacts(await readProperties(client, ref, VM_FACT_PATHS, signal));
}

/**
 * Decodes the facts of a VM from its properties.
 * @throws Hyper2kvmError `authentication` when the account may not read all of them.
 */
export function decodeVmFacts({ ref, properties, missing: unreadable }: ObjectContent): VmFacts {
  const unread = [...unreadable].find(([path]) => VM_FACT_PATHS.some((known) => known === path));
  if (unread) throw notReadable(ref, unread);
  const text = (path: (typeof VM_FACT_PATHS)[number]) => properties.get(path)?.text ?? '';
  const devices = properties.get('config.hardware.device')?.elements ?? [];
  return {
    ref,
    instanceUuid: text('config.instanceUuid'),
    changeVersion: text('config.changeVersion'),
    powerState: text('runtime.powerState'),
    connectionState: text('runtime.connectionState') || 'connected',
    template: text('config.template') === 'true',
    guest: text('config.guestFullName'),
    toolsRunning: text('guest.toolsRunningStatus') === 'guestToolsRunning',
    firmware: text('config.firmware') === 'efi' ? 'uefi' : 'bios',
    disks: decodeDisks(devices),
    occupiedBytes: decodeOccupiedBytes(properties.get('layoutEx')),
    hasNvram:
      properties
        .get('layoutEx')
        ?.all('file')
        .some((file) => file.textOf('type') === 'nvram') ?? false,
    snapshots: decodeSnapshots(properties.get('snapshot')?.all('rootSnapshotList') ?? []),
    consolidationNeeded: text('runtime.consolidationNeeded') === 'true',
    encrypted: properties.has('config.keyId'),
    hasTpm: devices.some((device) => device.type === 'VirtualTPM'),
    attachedImages: devices
      .filter(hasAttachedImage)
      .map((device) => `${labelOf(device)}: ${device.textOf('backing.fileName')}`),
    passthroughDevices: devices.filter(isPassthrough).map(labelOf),
  };
}

/** The disks at the time of the snapshot. */
export async function readSnapshotDisks(
  client: VsphereClient,
  snapshot: MoRef,
  signal: AbortSignal,
): Promise<VirtualDisk[]> {
  const { properties } = await readProperties(client, snapshot, ['config.hardware.device'], signal);
  return decodeDisks(properties.get('config.hardware.device')?.elements ?? []);
}

/** All snapshots of a VM, parents before children. */
export async function readSnapshots(client: VsphereClient, vm: MoRef, signal: AbortSignal): Promise<VmSnapshot[]> {
  const { properties } = await readProperties(client, vm, ['snapshot'], signal);
  return decodeSnapshots(properties.get('snapshot')?.all('rootSnapshotList') ?? []);
}

export async function readConsolidationNeeded(client: VsphereClient, vm: MoRef, signal: AbortSignal): Promise<boolean> {
  const { properties } = await readProperties(client, vm, ['runtime.consolidationNeeded'], signal);
  return properties.get('runtime.consolidationNeeded')?.text === 'true';
}

export async function readPowerState(client: VsphereClient, vm: MoRef, signal: AbortSignal): Promise<string> {
  const content = await readProperties(client, vm, ['runtime.powerState'], signal);
  return requireProperty(content, 'runtime.powerState', 'Reading the power state').text;
}

function notReadable(ref: MoRef, [path, faultType]: [string, string]): Hyper2kvmError {
  const isRight = faultType === 'NoPermission';
  return new Hyper2kvmError(
    isRight ? 'authentication' : 'transfer',
    `The server does not return ${path} of ${ref.value} (${faultType}).`,
    isRight ? { hint: 'Give the account a role with System.Read on the VM.' } : {},
  );
}

function decodeSnapshots(trees: readonly XmlElement[]): VmSnapshot[] {
  return trees.flatMap((tree) => {
    const ref = refOf(tree.find('snapshot'));
    if (!ref) return [];
    const own = {
      ref,
      name: tree.textOf('name') ?? '',
      createTime: tree.textOf('createTime') ?? '',
      quiesced: tree.isTrue('quiesced'),
    };
    return [own, ...decodeSnapshots(tree.all('childSnapshotList'))];
  });
}

function labelOf(device: XmlElement): string {
  return device.textOf('deviceInfo.label') ?? device.type ?? 'device';
}

function hasAttachedImage(device: XmlElement): boolean {
  return (
    device.type === 'VirtualCdrom' &&
    device.find('backing')?.type === 'VirtualCdromIsoBackingInfo' &&
    (device.textOf('backing.fileName') ?? '') !== ''
  );
}

function isPassthrough(device: XmlElement): boolean {
  return device.type === 'VirtualPCIPassthrough' || device.type === 'VirtualSCSIPassthrough';
}
