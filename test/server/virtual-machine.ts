import { createHash } from 'node:crypto';
import { Entity } from './entity.ts';
import type { Datacenter } from './inventory.ts';
import type { ObjectRegistry } from './object-registry.ts';
import type { PowerState, SnapshotOptions, VmOptions } from './options.ts';
import type { Fields, MoRef } from './value.ts';
import { controllersOf, type DiskPlace } from './disk-placement.ts';
import type { DiskState, VmDisk } from './disks/vm-disk.ts';
import { VmDisks } from './disks/vm-disks.ts';
import { vmConfig, vmProperties } from './vm-properties.ts';
import { VmSnapshot } from './vm-snapshot.ts';

/** A VM: its initial options and its current state. */
export class VirtualMachine extends Entity {
  readonly options: VmOptions;
  readonly datacenter: Datacenter;
  readonly storage: VmDisks;
  readonly biosUuid: string;
  readonly instanceUuid: string;
  powerState: PowerState;
  /** The image in the VM's only CD drive, if there is one. */
  iso: string | undefined;
  /** Changes with every change of the configuration. */
  changeVersion = '';
  annotation: string;
  snapshotRoots: VmSnapshot[] = [];
  /** All snapshots since the start of the server, also removed ones. */
  readonly madeSnapshots: VmSnapshot[] = [];
  currentSnapshot: VmSnapshot | undefined;
  consolidationNeeded: boolean;
  /** While disk files are merged. */
  isMerging = false;
  /** Result of `ShutdownGuest`. */
  shutdown: { afterMs: number } | 'never';
  /** The power states since the start of the server, with the time of each change. */
  readonly powerHistory: { state: PowerState; at: number }[] = [];
  /** How many more operations are refused after a lease. */
  #busyTimes = 0;
  /** The lease that currently locks the VM. */
  openLease: MoRef | undefined;
  readonly #objects: ObjectRegistry;

  constructor(ref: MoRef, parent: Entity, datacenter: Datacenter, options: VmOptions, objects: ObjectRegistry) {
    super(ref, options.name, parent);
    this.options = options;
    this.datacenter = datacenter;
    this.biosUuid = options.biosUuid ?? uuidFrom(`bios ${ref.value} ${options.name}`);
    this.instanceUuid = options.instanceUuid ?? uuidFrom(`instance ${ref.value} ${options.name}`);
    const folder = { datastore: datacenter.datastore.name, name: this.name };
    const contentIds = options.contentIds === false ? undefined : this.instanceUuid;
    this.storage = new VmDisks(options.disks ?? [], folder, contentIds, options.changeTracking);
    this.powerState = options.powerState ?? 'poweredOff';
    this.powerHistory.push({ state: this.powerState, at: Date.now() });
    this.shutdown = options.shutdown ?? { afterMs: 50 };
    this.annotation = options.annotation ?? '';
    this.consolidationNeeded = options.consolidationNeeded ?? false;
    this.iso = options.iso;
    this.#objects = objects;
    this.#addSnapshots(options.snapshots ?? [], undefined);
    this.changeVersion = options.changeVersion ?? '2026-01-01T00:00:00.000000Z';
  }

  get disks(): readonly VmDisk[] {
    return this.storage.all;
  }

  /** The key of a disk in leases and descriptors, such as `/vm-42/VirtualLsiLogicController0:0`. */
  deviceKeyOf({ controller, unitNumber }: DiskPlace): string {
    const sameType = controllersOf(this.disks).filter((each) => each.kind === controller.kind);
    const number = this.options.lease?.keys === 'index' ? sameType.indexOf(controller) : controller.bus;
    return `/${this.ref.value}/${controller.kind.type}${number}:${unitNumber}`;
  }

  get toolsRunning(): boolean {
    return this.powerState === 'poweredOn' && (this.options.tools ?? 'running') === 'running';
  }

  override properties(): Fields {
    return { ...super.properties(), ...vmProperties(this) };
  }

  setPowerState(state: PowerState): void {
    if (state === this.powerState) return;
    this.powerState = state;
    this.powerHistory.push({ state, at: Date.now() });
    if (state === 'poweredOn') this.storage.opened();
    this.storage.markPoint(this.snapshotRoots.length > 0);
    this.#objects.changed();
  }

  setChangeVersion(version: string): void {
    this.changeVersion = version;
    this.#objects.changed();
  }

  /** Changes the configuration, which increments its version. */
  setAnnotation(text: string): void {
    this.annotation = text;
    this.#countUp();
    this.#objects.changed();
  }

  /** Simulates writes by another VM that has the disks attached: the configuration does not change. */
  writeDisks(): void {
    this.storage.opened();
    this.#objects.changed();
  }

  /** Changes the disks as their administrator would. */
  changeDisks(change: (disks: VmDisks) => void): void {
    change(this.storage);
    this.#countUp();
    this.#objects.changed();
  }

  get supportsChangeTracking(): boolean {
    return (this.options.hardwareVersion ?? 19) >= 7 && this.options.changeTracking?.supported !== false;
  }

  /** The disks follow at the next snapshot or power cycle. */
  setChangeTracking(isOn: boolean): void {
    this.storage.isTracking = isOn;
    this.#countUp();
    this.#objects.changed();
  }

  removeCdDrive(): void {
    this.iso = undefined;
    this.#countUp();
    this.#objects.changed();
  }

  setOpenLease(lease: MoRef | undefined): void {
    if (lease === undefined) this.#busyTimes = this.options.busyAfterLease?.times ?? 0;
    this.openLease = lease;
    this.#objects.changed();
  }

  /** Whether an operation is refused because of the previous lease. Each call counts as an attempt. */
  isBusy(fault: 'TaskInProgress' | 'FileLocked'): boolean {
    if (this.#busyTimes === 0 || this.options.busyAfterLease?.fault !== fault) return false;
    this.#busyTimes -= 1;
    return true;
  }

  /** Merges the disk files that no snapshot holds. */
  consolidate(): void {
    this.storage.consolidate(this.#heldDisks());
    this.consolidationNeeded = false;
    this.#objects.changed();
  }

  /** Leaves the disk files that no snapshot holds, as a host does when it cannot merge them. */
  leaveUnconsolidated(): void {
    this.consolidationNeeded = true;
    this.#objects.changed();
  }

  /** Returns all snapshots, parents before children. */
  snapshots(): VmSnapshot[] {
    return this.snapshotRoots.flatMap(withDescendants);
  }

  /** Creates a snapshot on top of the current one. */
  addSnapshot(name: string, description: string, quiesced: boolean, createTime: Date): VmSnapshot {
    const parent = this.currentSnapshot;
    const facts = { id: this.#objects.nextId(), name, description, quiesced, createTime, powerState: this.powerState };
    this.storage.markPoint(this.snapshotRoots.length > 0);
    const disks = this.storage.freeze();
    const { isTracking } = this.storage;
    const config = () => vmConfig(this, disks, isTracking);
    const snapshot: VmSnapshot = new VmSnapshot(this.ref, parent, facts, disks, config);
    if (parent === undefined) this.snapshotRoots.push(snapshot);
    this.currentSnapshot = snapshot;
    this.madeSnapshots.push(snapshot);
    this.#countUp();
    return this.#objects.add(snapshot);
  }

  /**
   * Removes a snapshot. Its children move to its parent unless they are removed, too. The files that it held stay until
   * they are consolidated.
   */
  removeSnapshot(snapshot: VmSnapshot, withChildren: boolean): void {
    const siblings = snapshot.parent?.children ?? this.snapshotRoots;
    const [first] = snapshot.children;
    if (withChildren && first !== undefined) {
      this.removeSnapshot(first, true);
      this.removeSnapshot(snapshot, true);
      return;
    }
    for (const child of snapshot.children) child.parent = snapshot.parent;
    siblings.splice(siblings.indexOf(snapshot), 1, ...snapshot.children);
    if (this.currentSnapshot === snapshot) this.currentSnapshot = snapshot.parent;
    this.#countUp();
    this.#objects.remove(snapshot.ref);
  }

  removeAllSnapshots(): void {
    for (const snapshot of this.snapshots().toReversed()) this.removeSnapshot(snapshot, false);
  }

  /** Lets the VM continue from a snapshot. It has no memory, so the VM is off afterwards. */
  revertTo(snapshot: VmSnapshot): void {
    this.setPowerState('poweredOff');
    this.storage.revertTo(snapshot.disks);
    this.currentSnapshot = snapshot;
    this.#countUp();
    this.#objects.changed();
  }

  #heldDisks(): DiskState[] {
    return this.snapshots().flatMap(({ disks }) => disks);
  }

  /** Creating or removing a snapshot changes the disk files in the configuration, and so its version. */
  #countUp(): void {
    const [, start = '', count = '', end = ''] = /^(.*?)(\d+)(\D*)$/.exec(this.changeVersion) ?? [];
    this.changeVersion = `${start}${String(Number(count) + 1).padStart(count.length, '0')}${end}`;
  }

  #addSnapshots(options: readonly SnapshotOptions[], parent: VmSnapshot | undefined): void {
    for (const option of options) {
      if (parent !== undefined && this.currentSnapshot !== parent) this.storage.revertTo(parent.disks);
      this.currentSnapshot = parent;
      const made = this.addSnapshot(option.name, option.description ?? '', option.quiesced ?? false, new Date());
      this.#addSnapshots(option.children ?? [], made);
    }
  }
}

function withDescendants(snapshot: VmSnapshot): VmSnapshot[] {
  return [snapshot, ...snapshot.children.flatMap(withDescendants)];
}

/** Derives a UUID from a text. It is the same in every run. */
function uuidFrom(text: string): string {
  const hex = createHash('sha256').update(text).digest('hex');
  return [hex.slice(0, 8), hex.slice(8, 12), `4${hex.slice(13, 16)}`, `8${hex.slice(17, 20)}`, hex.slice(20, 32)].join(
    '-',
  );
}
