import { join } from 'node:path';
import type { ReplicaFormat } from '../../../../src/image/replica/replica-format.ts';
import type { PrepareOptions } from '../../../../src/operations/sync/guest/prepared-guest.ts';
import type { ReplicaVm } from '../../../../src/operations/sync/guest/replica-vm.ts';
import type { VirtualDisk } from '../../../../src/vsphere/vm/virtual-disk.ts';
import type { VmHardware } from '../../../../src/vsphere/vm/vm-hardware.ts';
import { NO_FIX } from '../../fix-guest/no-fix.ts';

const HARDWARE: VmHardware = {
  uuid: undefined,
  guestId: 'debian12_64Guest',
  memoryBytes: 2 ** 30,
  vcpus: 1,
  coresPerSocket: undefined,
  firmware: 'bios',
  secureBoot: false,
  tpm: false,
  cdRoms: 0,
  nics: [],
  bootDeviceKeys: [],
};

/** A VM with disks of these sizes, whose images have the names of a replica. The files need not exist. */
export function replicaVm(
  folder: string,
  name: string,
  format: ReplicaFormat,
  capacities: readonly number[],
): ReplicaVm {
  const images = capacities.map((_bytes, index) => join(folder, `${name}-disk-${index + 1}.${format}`));
  const disks = capacities.map(diskOf);
  return { named: { name }, vmHardware: HARDWARE, folder, baseName: name, format, disks, images };
}

function diskOf(capacityBytes: number, index: number): VirtualDisk {
  return {
    key: 2000 + index,
    label: `Hard disk ${index + 1}`,
    capacityBytes,
    fileName: '',
    address: '',
    place: undefined,
    listIndex: index,
    diskMode: 'persistent',
    rawDeviceMapping: undefined,
    multiWriter: false,
    encrypted: false,
    thin: true,
    contentId: '',
    changeId: '',
    hasParent: false,
  };
}

export function prepareOptions(env: NodeJS.ProcessEnv = process.env): PrepareOptions {
  return { guest: NO_FIX, hardware: 'virtio', networks: undefined, env, user: '--rehearse' };
}
