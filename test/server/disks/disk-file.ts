import type { VirtualMachine } from '../virtual-machine.ts';
import type { DiskLayer } from './disk-layer.ts';
import type { Extent } from './extent-map.ts';
import type { VmDisk } from './vm-disk.ts';

/** A virtual disk file on a datastore, as a service that opens disks by their path sees it. */
export class DiskFile {
  readonly vm: VirtualMachine;
  readonly #disk: VmDisk;
  readonly #layer: DiskLayer;

  constructor(vm: VirtualMachine, disk: VmDisk, layer: DiskLayer) {
    this.vm = vm;
    this.#disk = disk;
    this.#layer = layer;
  }

  get capacityBytes(): number {
    return this.#layer.capacityBytes;
  }

  /** Whether the file is based on another one. It is read together with everything below it. */
  get hasParent(): boolean {
    return this.#layer.parent !== undefined;
  }

  /** Whether a running VM writes to the file. A host refuses to open it. */
  get isWritten(): boolean {
    return this.vm.powerState === 'poweredOn' && this.#layer === this.#disk.leaf;
  }

  /** Whether a lease holds the file. */
  get isLocked(): boolean {
    return this.vm.openLease !== undefined;
  }

  /**
   * Returns a value of the descriptor's disk database, by its name without `ddb.`; undefined if there is none.
   */
  descriptorValue(name: string): string | undefined {
    const values: Record<string, string> = {
      adapterType: 'lsilogic',
      'geometry.cylinders': String(Math.min(65_535, Math.max(1, Math.floor(this.capacityBytes / (255 * 63 * 512))))),
      'geometry.heads': '255',
      'geometry.sectors': '63',
      thinProvisioned: '1',
      uuid: this.#disk.uuid
        .replaceAll('-', '')
        .replace(/(..)(?=.)/g, '$1 ')
        .replace(/^(.{23}) /, '$1-')
        .toLowerCase(),
      virtualHWVersion: '19',
    };
    return Object.hasOwn(values, name) ? values[name] : undefined;
  }

  /** Opens the file. Its content stays as it is now, and its snapshot cannot be consolidated, until it is closed. */
  open(): OpenDiskFile {
    const layer = this.#layer;
    const content = layer === this.#disk.leaf ? layer.frozenCopy() : layer;
    layer.readers += 1;
    let isOpen = true;
    const close = (): void => {
      if (isOpen) layer.readers -= 1;
      isOpen = false;
    };
    return {
      capacityBytes: content.capacityBytes,
      hasParent: this.hasParent,
      read: async (offset, length) => content.read(offset, length),
      allocated: (which) => content.allocated(which),
      close,
      [Symbol.dispose]: close,
    };
  }
}

/** An open disk file. */
export interface OpenDiskFile extends Disposable {
  readonly capacityBytes: number;
  readonly hasParent: boolean;
  /** Reads a range within the capacity. Undefined stands for zeros. */
  read(offset: number, length: number): Promise<Buffer | undefined>;
  /** The ranges that hold data, in the chain (default) or in this file only. Sorted; they do not touch. */
  allocated(which?: 'chain' | 'file'): Extent<true>[];
  close(): void;
}

/** Finds a file of any VM by its datastore path, such as `[datastore1] web/web-000001.vmdk`. */
export function findDiskFile(vms: readonly VirtualMachine[], path: string): DiskFile | undefined {
  for (const vm of vms) {
    for (const disk of vm.disks) {
      const layer = disk.files.find((file) => disk.fileName(file) === path);
      if (layer !== undefined) return new DiskFile(vm, disk, layer);
    }
  }
  return undefined;
}
