import type { ContentSource } from '../content-source.ts';
import type { Service } from '../service.ts';
import type { VirtualMachine } from '../virtual-machine.ts';
import type { VmSnapshot } from '../vm-snapshot.ts';
import type { Written } from './disk-layer.ts';
import type { VmDisk } from './vm-disk.ts';

/** What tests do with the disks of a server, and read from them. Disks are counted from 0. */
export class DiskControl {
  readonly #service: Service;

  constructor(service: Service) {
    this.#service = service;
  }

  /** Writes as the guest does, or, to a VM that is off, as another VM that has the disk attached. */
  write(vm: string, disk: number, offset: number, written: Written): void {
    const machine = this.#vm(vm);
    diskOf(machine, disk).write(offset, written);
    if (machine.powerState !== 'poweredOn') machine.writeDisks();
  }

  /**
   * Returns the exact content of a disk: as it is now, or in a snapshot, given by its name or reference, that exists or
   * has existed. Later writes do not change what is returned.
   */
  content(vm: string, disk: number, snapshot?: string): ContentSource {
    const machine = this.#vm(vm);
    if (snapshot === undefined) return diskOf(machine, disk).leaf.frozenCopy();
    const found = machine.madeSnapshots.findLast(({ facts, ref }) => facts.name === snapshot || ref.value === snapshot);
    const state = found?.disks[disk];
    if (state === undefined) throw new TypeError(`"${vm}" has had no snapshot ${snapshot} with disk ${disk}`);
    return state.layer.frozenCopy();
  }

  /** All snapshots that were ever made of a VM, oldest first. */
  snapshots(vm: string): { name: string; ref: string }[] {
    return this.#vm(vm).madeSnapshots.map(({ facts, ref }: VmSnapshot) => ({ name: facts.name, ref: ref.value }));
  }

  #vm(name: string): VirtualMachine {
    const found = this.#service.vms().find((vm) => vm.displayName === name);
    if (found === undefined) throw new TypeError(`there is no VM "${name}"`);
    return found;
  }
}

function diskOf(vm: VirtualMachine, index: number): VmDisk {
  const disk = vm.disks[index];
  if (disk === undefined) throw new TypeError(`"${vm.displayName}" has no disk ${index}`);
  return disk;
}
