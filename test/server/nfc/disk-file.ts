import type { ByteRange } from '../content-source.ts';
import type { DiskLayer } from '../disks/disk-layer.ts';
import type { VmDisk } from '../disks/vm-disk.ts';
import type { VirtualMachine } from '../virtual-machine.ts';

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

/**
 * Finds the file of a VM's disk by its datastore path, such as `[datastore1] web/web-000001.vmdk`. Its content is that of
 * this moment.
 */
export function findDiskFile(vm: VirtualMachine, path: string): DiskFile | undefined {
  for (const disk of vm.disks) {
    const layer = disk.files.find((file) => disk.fileName(file) === path);
    if (layer === undefined || 'file' in disk.options.content) continue;
    return diskFileOf(disk, layer.frozenCopy(), vm.powerState === 'poweredOn' && layer === disk.leaf);
  }
  return undefined;
}

function diskFileOf(disk: VmDisk, content: DiskLayer, isWrittenTo: boolean): DiskFile {
  const { capacityBytes } = content;
  return {
    capacityBytes,
    read: (offset, length) => content.read(offset, length),
    hasParent: content.parent !== undefined,
    isWrittenTo,
    allocated: (scope) => content.allocated(scope),
    descriptor: {
      adapterType: disk.controller.kind.type === 'VirtualIDEController' ? 'ide' : 'lsilogic',
      'geometry.sectors': '63',
      'geometry.heads': '255',
      'geometry.cylinders': String(Math.floor(capacityBytes / (63 * 255 * 512))),
      thinProvisioned: '1',
      uuid: descriptorUuid(disk.uuid),
      virtualHWVersion: '19',
    },
  };
}

/** Descriptors contain UUIDs as pairs of digits: `60 00 c2 9a 12 34 56 78-9a bc de f0 12 34 56 78`. */
function descriptorUuid(uuid: string): string {
  const pairs = uuid.toLowerCase().match(/[0-9a-f]{2}/g) ?? [];
  return `${pairs.slice(0, 8).join(' ')}-${pairs.slice(8).join(' ')}`;
}
