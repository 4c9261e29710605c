import type { ContentSource } from '../content-source.ts';
import type { DiskOptions } from '../options.ts';
import type { Service } from '../service.ts';
import type { VirtualMachine } from '../virtual-machine.ts';
import type { VmSnapshot } from '../vm-snapshot.ts';
import type { Written } from './disk-layer.ts';
import { ScriptedGuest, type GuestOptions } from './scripted-guest.ts';
import type { VmDisk } from './vm-disk.ts';

/** What tests do with the disks of a server, and read from them. Disks are counted from 0. */
export class DiskControl {
  readonly #service: Service;

  constructor(service: Service) {
    this.#service = service;
  }

  /** Writes as the guest does, or, to a VM that is off, as another VM that has the disk attached. Change tracking misses a write that is not tracked. */
  write(vm: string, disk: number, offset: number, written: Written, { isTracked = true } = {}): void {
    const machine = this.#vm(vm);
    diskOf(machine, disk).write(offset, written, isTracked);
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
  snapshots(vm: string): { name: string; ref: string; disks: number }[] {
    return this.#vm(vm).madeSnapshots.map(({ facts, ref, disks }: VmSnapshot) => ({
      name: facts.name,
      ref: ref.value,
      disks: disks.length,
    }));
  }

  /** Starts a guest that writes records without pause. It pauses while the VM is off, until it is stopped. */
  startGuest(vm: string, options?: GuestOptions): ScriptedGuest {
    const machine = this.#vm(vm);
    return new ScriptedGuest(
      {
        isOn: () => machine.powerState === 'poweredOn',
        capacities: () => machine.disks.map(({ capacityBytes }) => capacityBytes),
        write: (disk, offset, bytes, isTracked) => diskOf(machine, disk).write(offset, bytes, isTracked),
      },
      options,
    );
  }

  /** Adds a disk at the first free key, which can be that of a removed disk. Returns the disk's number. */
  add(vm: string, options: DiskOptions): number {
    const machine = this.#vm(vm);
    machine.changeDisks((disks) => void disks.add(options));
    return machine.disks.length - 1;
  }

  remove(vm: string, disk: number): void {
    const machine = this.#vm(vm);
    machine.changeDisks((disks) => disks.remove(diskOf(machine, disk)));
  }

  /** Grows a disk of a VM without snapshots. Change IDs from before are no longer known, unless tracking is kept. */
  grow(vm: string, disk: number, capacityBytes: number, { keepsTracking = false } = {}): void {
    const machine = this.#vm(vm);
    machine.changeDisks((disks) => disks.grow(diskOf(machine, disk), capacityBytes, keepsTracking));
  }

  /** Puts another disk with the same key and another UUID in the place of one. */
  replace(vm: string, disk: number, content: ContentSource, { keepsTracking = false } = {}): void {
    const machine = this.#vm(vm);
    machine.changeDisks((disks) => disks.replace(diskOf(machine, disk), content, keepsTracking));
  }

  changeUuid(vm: string, disk: number): void {
    const machine = this.#vm(vm);
    machine.changeDisks((disks) => disks.changeUuid(diskOf(machine, disk)));
  }

  /** Lets a VM continue from a snapshot, given by its name or reference. The VM is off afterwards. */
  revert(vm: string, snapshot: string): void {
    const machine = this.#vm(vm);
    const found = machine.snapshots().find(({ facts, ref }) => facts.name === snapshot || ref.value === snapshot);
    if (found === undefined) throw new TypeError(`"${vm}" has no snapshot ${snapshot}`);
    machine.revertTo(found);
  }

  /** Lets change tracking begin anew, as after a crash of the host. IDs from before are no longer known. */
  resetTracking(vm: string): void {
    this.#vm(vm).storage.resetTracking();
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
