import { join } from 'node:path';
import { Hyper2kvmError } from '../../../base/errors.ts';
import type { NamedVm } from '../../../domain/vm-name.ts';
import type { ReplicaFormat } from '../../../image/replica/replica-format.ts';
import type { VirtualDisk } from '../../../vsphere/vm/virtual-disk.ts';
import type { VmFacts } from '../../../vsphere/vm/vm-facts.ts';
import { readVmHardware, type VmHardware } from '../../../vsphere/vm/vm-hardware.ts';
import { namedVm, type FoundVm } from '../../export/plan/find-vms.ts';
import type { Replica } from '../replica/replica.ts';
import type { RoundScope } from '../scope.ts';

/** A replica with everything of its VM that a domain needs. */
export interface ReplicaVm {
  named: NamedVm;
  vmHardware: VmHardware;
  /** The folder of the replica, and the name of its files. */
  folder: string;
  baseName: string;
  format: ReplicaFormat;
  /** The disks of the replica's point in time, in hardware order. */
  disks: readonly VirtualDisk[];
  /** The image of each disk. */
  images: readonly string[];
}

/**
 * Reads the hardware of the VM from the server, for the disks that the replica has.
 * @throws kind `transfer` if the VM lost one of these disks after `facts` were read.
 */
export async function readReplicaVm(
  found: FoundVm,
  { client, facts, replica, output }: Pick<RoundScope, 'client' | 'facts' | 'replica' | 'output'>,
  signal: AbortSignal,
): Promise<ReplicaVm> {
  const vmHardware = await readVmHardware(client, facts.ref, signal);
  return {
    named: namedVm(found),
    vmHardware,
    folder: output,
    baseName: found.baseName,
    format: replica.state.format,
    disks: disksOf(replica, facts, found.label),
    images: imagesOf(replica, output),
  };
}

/** The images of a replica's point in time, in hardware order. */
export function imagesOf({ state }: Pick<Replica, 'state'>, folder: string): string[] {
  return (state.point?.disks ?? []).map(({ file }) => join(folder, file));
}

function disksOf({ state }: Replica, facts: VmFacts, vm: string): VirtualDisk[] {
  return (state.point?.disks ?? []).map(({ key, label }) => {
    const disk = facts.disks.find((each) => each.key === key);
    if (disk !== undefined) return disk;
    throw new Hyper2kvmError('transfer', `${label} was added to ${vm} or removed from it during the round.`, {
      hint: 'Run sync again.',
    });
  });
}
