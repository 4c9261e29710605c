import { isFault } from '../../../vsphere/soap/fault.ts';
import { readPropertiesOfAll } from '../../../vsphere/session/properties.ts';
import type { VsphereClient } from '../../../vsphere/session/vsphere-client.ts';
import { chosenDisks, type DiskChoice } from '../../../vsphere/vm/select-disks.ts';
import { decodeDisks } from '../../../vsphere/vm/virtual-disk.ts';
import type { RunVm } from '../types.ts';
import type { FoundVm } from './find-vms.ts';

const DEVICES = 'config.hardware.device';

/**
 * Returns the VMs with the capacity of their selected disks, which the totals of a run are computed from. The size of a single
 * VM is not read, because its export reads it at once. A VM that was removed in the meantime leaves all sizes unknown;
 * its own export reports the reason.
 */
export async function withDiskSizes(
  client: VsphereClient,
  found: readonly FoundVm[],
  signal: AbortSignal,
  choice?: DiskChoice,
): Promise<RunVm[]> {
  const sizes = found.length > 1 ? await readSizes(client, found, { choice, signal }) : new Map<string, number>();
  return found.map(({ label, vm }) => ({
    vm: label,
    inventoryPath: vm.inventoryPath,
    capacityBytes: sizes.get(vm.ref.value),
  }));
}

async function readSizes(
  client: VsphereClient,
  found: readonly FoundVm[],
  { choice, signal }: { choice: DiskChoice | undefined; signal: AbortSignal },
): Promise<ReadonlyMap<string, number>> {
  const refs = found.map(({ vm }) => vm.ref);
  const contents = await readPropertiesOfAll(client, refs, [DEVICES], signal).catch((error: unknown) => {
    if (isFault(error, 'ManagedObjectNotFound')) return [];
    throw error;
  });
  return new Map(
    contents.flatMap(({ ref, properties }) => {
      const devices = properties.get(DEVICES)?.elements;
      if (devices === undefined) return [];
      const disks = chosenDisks(decodeDisks(devices), choice);
      return [[ref.value, disks.reduce((sum, disk) => sum + disk.capacityBytes, 0)] as const];
    }),
  );
}
