import type { DiskPlace } from '../disk-placement.ts';
import type { VirtualMachine } from '../virtual-machine.ts';
import { diskFileName } from '../vm-layout.ts';

/** A range of a disk in bytes. */
export interface ByteRange {
  offset: number;
  length: number;
}

/**
 * The file of a disk as a client of the NFC service opens it: the content of this file together with everything below it.
 * The content must not change while the file is open.
 */
export interface DiskFile {
  /** A multiple of 512. */
  readonly capacityBytes: number;
  /** Reads content. The range is within the capacity. Undefined stands for zeros. */
  read(offset: number, length: number): Promise<Buffer | undefined>;
  /** Whether there is a file below this one. */
  readonly hasParent: boolean;
  /** Whether a running VM writes to this file. Such a file cannot be opened. */
  readonly isWrittenTo: boolean;
  /** The allocated ranges of this file (`link`) or of this file and those below it (`chain`), sorted, without overlaps. */
  allocated(scope: 'link' | 'chain'): readonly ByteRange[];
  /** The disk database in the descriptor. The keys are without `ddb.`. */
  readonly descriptor: Readonly<Record<string, string>>;
}

/** Finds the file of a VM's disk by its datastore path, such as `[datastore1] web/web-000001.vmdk`. */
export function findDiskFile(vm: VirtualMachine, path: string): DiskFile | undefined {
  for (const disk of vm.disks) {
    for (let depth = 0; depth <= vm.snapshotDepth; depth += 1) {
      if (diskFileName(vm.name, disk, depth) === path) return diskFileAt(vm, disk, depth);
    }
  }
  return undefined;
}

/** The file of a disk after `depth` snapshots. All files of a disk have the same content: the server has no versions of it. */
function diskFileAt(vm: VirtualMachine, disk: DiskPlace, depth: number): DiskFile | undefined {
  const { content } = disk.options;
  if ('file' in content) return undefined;
  const { capacityBytes } = content;
  const whole = [{ offset: 0, length: capacityBytes }];
  return {
    capacityBytes,
    read: (offset, length) => content.read(offset, length),
    hasParent: depth > 0,
    isWrittenTo: vm.powerState === 'poweredOn' && depth === vm.snapshotDepth,
    allocated: (scope) => (scope === 'link' && depth > 0 ? [] : (content.allocated?.() ?? whole)),
    descriptor: {
      adapterType: disk.controller.kind.type === 'VirtualIDEController' ? 'ide' : 'lsilogic',
      'geometry.sectors': '63',
      'geometry.heads': '255',
      'geometry.cylinders': String(Math.floor(capacityBytes / (63 * 255 * 512))),
      thinProvisioned: '1',
      virtualHWVersion: '19',
    },
  };
}
