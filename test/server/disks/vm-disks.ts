import { createHash } from 'node:crypto';
import type { ContentSource } from '../content-source.ts';
import { FIRST_KEY, placeDisk } from '../disk-placement.ts';
import type { ChangeTrackingOptions, DiskOptions } from '../options.ts';
import { ChangeTracker } from './change-tracker.ts';
import { VmDisk, type DiskState } from './vm-disk.ts';

/** Snapshots in a chain that vSphere allows. */
const MAX_CHAIN = 32;

/** The folder of a VM's files. */
interface DatastoreFolder {
  datastore: string;
  name: string;
}

/** The disks of a VM, and their states in its snapshots. */
export class VmDisks {
  readonly #disks: VmDisk[] = [];
  readonly #folder: DatastoreFolder;
  readonly #contentIds: string | undefined;
  /** Number of UUIDs that disks of the VM have had. */
  #added = 0;
  /** How often a writer has opened the disks. Each time, they get a new content ID. */
  #opened = 0;

  /** Whether the configuration says that changes are tracked. A disk follows at a snapshot or a power cycle. */
  isTracking = false;
  readonly #tracking: ChangeTrackingOptions;

  /** `contentIds` makes content IDs differ between VMs. Undefined: the disks have none. */
  constructor(
    options: readonly DiskOptions[],
    folder: DatastoreFolder,
    contentIds: string | undefined,
    tracking: ChangeTrackingOptions = {},
  ) {
    this.#folder = folder;
    this.#contentIds = contentIds;
    this.#tracking = tracking;
    for (const each of options) this.add(each);
    this.isTracking = tracking.enabled ?? false;
    this.markPoint(false);
  }

  get all(): readonly VmDisk[] {
    return this.#disks;
  }

  /** Number of files below the ones that the VM writes to. */
  get depth(): number {
    return Math.max(0, ...this.#disks.map((disk) => disk.leaf.chain().length - 1));
  }

  get isChainFull(): boolean {
    return this.depth >= MAX_CHAIN;
  }

  add(options: DiskOptions): VmDisk {
    const place = placeDisk(options, this.#disks);
    const { datastore, name } = this.#folder;
    const file = place.key === FIRST_KEY ? name : `${name}_${place.key - FIRST_KEY}`;
    const disk = new VmDisk(place, `[${datastore}] ${name}/${file}`, this.#newUuid(), this.#newTracker());
    this.#disks.push(disk);
    return disk;
  }

  remove(disk: VmDisk): void {
    this.#disks.splice(this.#disks.indexOf(disk), 1);
  }

  /** Puts another disk in the place of one. With `keepsTracking`, its change IDs continue as if it were the same. */
  replace(old: VmDisk, content: ContentSource, keepsTracking: boolean): void {
    const options = { ...old.options, content };
    const place = { ...placeDisk(options, []), key: old.key, label: old.label };
    const { controller, unitNumber } = old;
    const tracker = keepsTracking ? old.tracker : this.#newTracker();
    if (old.tracker.isActive && !keepsTracking) tracker.start();
    const disk = new VmDisk({ ...place, controller, unitNumber }, old.stem, this.#newUuid(), tracker);
    this.#disks.splice(this.#disks.indexOf(old), 1, disk);
  }

  /** vSphere grows disks without snapshots only. Unless it `keepsTracking`, IDs from before are no longer known. */
  grow(disk: VmDisk, capacityBytes: number, keepsTracking: boolean): void {
    if (disk.leaf.parent !== undefined) throw new TypeError('a disk with snapshots cannot grow');
    if (capacityBytes <= disk.capacityBytes) throw new RangeError('a disk can only grow');
    disk.leaf.capacityBytes = capacityBytes;
    if (disk.tracker.isActive && !keepsTracking) disk.tracker.start();
  }

  changeUuid(disk: VmDisk): void {
    disk.uuid = this.#newUuid();
  }

  /** Begins to track anew. IDs from before are no longer known. */
  resetTracking(): void {
    for (const { tracker } of this.#disks) if (tracker.isActive) tracker.start();
  }

  /** The disks as they are now. */
  states(): DiskState[] {
    return this.#disks.map((disk) => disk.state(this.#contentId(disk)));
  }

  /** Freezes all disks that snapshots include. */
  freeze(): DiskState[] {
    return this.#disks.map((disk) => disk.freeze(this.#contentId(disk)));
  }

  /** Lets the VM continue from these states. */
  revertTo(states: readonly DiskState[]): void {
    this.#disks.length = 0;
    for (const { disk, layer } of states) {
      disk.revertTo(layer);
      this.#disks.push(disk);
    }
    this.#opened += 1;
  }

  /** Merges the files that no snapshot holds. `held` are the states in all snapshots. */
  consolidate(held: readonly DiskState[]): void {
    const disks = new Set([...this.#disks, ...held.map(({ disk }) => disk)]);
    for (const disk of disks) disk.consolidate(held.filter((state) => state.disk === disk));
  }

  /**
   * A point in time that change IDs name: a snapshot, or a change of the power state. Tracking begins and ends here. It
   * does not begin while the VM has snapshots.
   */
  markPoint(hasSnapshots: boolean): void {
    const isWanted = this.isTracking && this.#tracking.changeIds !== 'empty';
    for (const { tracker, isTrackable } of this.#disks) {
      if (!isWanted || !isTrackable) tracker.stop();
      else if (!tracker.isActive && !hasSnapshots) tracker.start();
      tracker.mark();
    }
  }

  /** Notes that a writer has opened the disks. */
  opened(): void {
    this.#opened += 1;
  }

  #newTracker(): ChangeTracker {
    return new ChangeTracker(this.#tracking.blockBytes ?? 65_536);
  }

  /** A UUID in the form in which backings contain it, the same in every run. */
  #newUuid(): string {
    this.#added += 1;
    const hex = createHash('sha256').update(`disk ${this.#folder.name} ${this.#added}`).digest('hex');
    return `6000C29${hex[0]}-${hex.slice(1, 5)}-${hex.slice(5, 9)}-${hex.slice(9, 13)}-${hex.slice(13, 25)}`;
  }

  #contentId(disk: VmDisk): string | undefined {
    if (this.#contentIds === undefined) return undefined;
    const seed = `${this.#contentIds} ${this.#opened} ${disk.key}`;
    return createHash('sha256').update(seed).digest('hex').slice(0, 32);
  }
}
