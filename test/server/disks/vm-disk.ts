import type { ContentSource } from '../content-source.ts';
import type { ControllerPlace, DiskPlace } from '../disk-placement.ts';
import type { DiskOptions } from '../options.ts';
import type { ChangeTracker } from './change-tracker.ts';
import { DiskLayer, type Written } from './disk-layer.ts';

/** A disk at a point in time: what the configuration of the VM or of a snapshot contains. */
export interface DiskState {
  disk: VmDisk;
  /** The file that the backing names. */
  layer: DiskLayer;
  uuid: string;
  /** Equal IDs mean equal content. Undefined on storage that does not support it. */
  contentId: string | undefined;
  /** Empty if the disk is not tracked. */
  changeId: string;
}

/** A disk of a VM and the files of its chain. */
export class VmDisk implements DiskPlace {
  readonly options: DiskOptions;
  readonly key: number;
  readonly label: string;
  readonly controller: ControllerPlace;
  readonly unitNumber: number;
  /** Datastore path of the base disk without `.vmdk`. */
  readonly stem: string;
  uuid: string;
  readonly tracker: ChangeTracker;
  /** The file that the VM writes to. */
  leaf: DiskLayer;
  /** All files of the disk, also those of branches of the snapshot tree. */
  readonly #files = new Set<DiskLayer>();

  constructor(place: DiskPlace, stem: string, uuid: string, tracker: ChangeTracker) {
    this.options = place.options;
    this.key = place.key;
    this.label = place.label;
    this.controller = place.controller;
    this.unitNumber = place.unitNumber;
    this.stem = stem;
    this.uuid = uuid;
    this.tracker = tracker;
    this.leaf = DiskLayer.base(baseContent(place.options));
    this.#files.add(this.leaf);
  }

  get capacityBytes(): number {
    return this.leaf.capacityBytes;
  }

  get files(): DiskLayer[] {
    return [...this.#files];
  }

  /** Whether snapshots include the disk. */
  get isInSnapshots(): boolean {
    const { mode, rawDeviceMapping } = this.options;
    return mode?.startsWith('independent') !== true && rawDeviceMapping !== 'physicalMode';
  }

  /** Whether changes of the disk can be tracked. */
  get isTrackable(): boolean {
    return this.isInSnapshots && this.options.multiWriter !== true && this.options.sharedBus === undefined;
  }

  /** Datastore path without extension, such as `[datastore1] web/web-000001`. */
  stemOf(layer: DiskLayer): string {
    const { number } = layer.facts;
    return number === 0 ? this.stem : `${this.stem}-${String(number).padStart(6, '0')}`;
  }

  fileName(layer: DiskLayer): string {
    return `${this.stemOf(layer)}.vmdk`;
  }

  state(contentId: string | undefined): DiskState {
    return { disk: this, layer: this.leaf, uuid: this.uuid, contentId, changeId: this.tracker.changeId };
  }

  /** Freezes the current file and returns its state. From now on the VM writes to a new file. */
  freeze(contentId: string | undefined): DiskState {
    const state = this.state(contentId);
    if (!this.isInSnapshots) return state;
    this.leaf.facts.changeId = state.changeId;
    this.#startFile(this.leaf);
    return state;
  }

  /** Lets the VM continue from a frozen file. What it has written since its last snapshot is lost. */
  revertTo(layer: DiskLayer): void {
    if (!this.isInSnapshots) return;
    this.#files.delete(this.leaf);
    this.#startFile(layer);
    if (this.tracker.isActive) this.tracker.start();
  }

  /** Merges files that no snapshot holds. `held` are the states in snapshots; they are updated. */
  consolidate(held: readonly DiskState[]): void {
    for (;;) {
      const owned = new Set([this.leaf, ...held.map(({ layer }) => layer)]);
      const unneeded = this.files.find((file) => !owned.has(file) && this.#childrenOf(file).length < 2);
      if (unneeded === undefined) return;
      this.#files.delete(unneeded);
      const [child] = this.#childrenOf(unneeded);
      if (child !== undefined) this.#replace(child, child.mergedIntoParent(), held);
    }
  }

  /** Writes as the guest does, or as somebody who has the files open. Change tracking misses what is not tracked. */
  write(offset: number, written: Written, isTracked = true): void {
    if ('file' in this.options.content) throw new TypeError('a disk that is served from a ready file cannot change');
    const end = this.leaf.write(offset, written);
    if (isTracked) this.tracker.note(offset, end);
  }

  #startFile(parent: DiskLayer): void {
    const taken = new Set(this.files.map(({ facts }) => facts.number));
    let number = 1;
    while (taken.has(number)) number += 1;
    this.leaf = parent.child(number);
    this.#files.add(this.leaf);
  }

  #childrenOf(layer: DiskLayer): DiskLayer[] {
    return this.files.filter(({ parent }) => parent === layer);
  }

  #replace(old: DiskLayer, merged: DiskLayer, held: readonly DiskState[]): void {
    for (const child of this.#childrenOf(old)) child.parent = merged;
    for (const state of held) if (state.layer === old) state.layer = merged;
    if (this.leaf === old) this.leaf = merged;
    this.#files.delete(old);
    this.#files.add(merged);
  }
}

function baseContent({ content }: DiskOptions): ContentSource {
  if (!('file' in content)) return content;
  return {
    capacityBytes: content.capacityBytes,
    read: async () => Promise.reject(new TypeError(`${content.file} is served by leases only`)),
  };
}
