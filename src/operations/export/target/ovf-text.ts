import { checkDescriptor, checkPartialDescriptor } from '../../../ovf/write/check-descriptor.ts';
import { isFault, NOT_OFFERED } from '../../../vsphere/soap/fault.ts';
import { createDescriptor, noDescriptor } from '../../../vsphere/lease/ovf-manager.ts';
import type { VsphereClient } from '../../../vsphere/session/vsphere-client.ts';
import type { MoRef } from '../../../vsphere/soap/wsdl-types.ts';

export interface DescribedVm {
  client: VsphereClient;
  vm: MoRef;
  name: string;
  snapshot: MoRef | undefined;
  /** Disks of the VM were left out. */
  isPartial: boolean;
}

/** A file as listed in the descriptor. */
export interface DescribedFile {
  key: string;
  name: string;
  isDisk: boolean;
  sizeBytes: number;
  capacityBytes: number;
  populatedBytes?: number | undefined;
}

/**
 * Has the server write the OVF descriptor, and checks that it lists exactly these files with these sizes. A known
 * server bug writes wrong values, and other programs would then reject the package.
 */
export async function writeDescriptor(
  { client, vm, name, snapshot, isPartial }: DescribedVm,
  files: readonly DescribedFile[],
  signal: AbortSignal,
): Promise<{ text: string; warnings: string[] }> {
  const ovfFiles = files.map(({ key, name: path, isDisk, sizeBytes, capacityBytes, populatedBytes }) => ({
    deviceId: key,
    path,
    size: sizeBytes,
    ...(isDisk ? { capacity: capacityBytes } : {}),
    ...(populatedBytes === undefined ? {} : { populatedSize: populatedBytes }),
  }));
  let descriptor;
  try {
    descriptor = await createDescriptor(client, { vm, name, files: ovfFiles, snapshot }, signal);
  } catch (error) {
    throw isFault(error, ...NOT_OFFERED) ? noDescriptor(client.server, error) : error;
  }
  checkDescriptor(descriptor.text, files);
  if (isPartial) checkPartialDescriptor(descriptor.text, client.server, files.filter(({ isDisk }) => isDisk).length);
  return descriptor;
}
