import { createHash } from 'node:crypto';
import { FIRST_KEY, placeDisk } from '../disk-placement.ts';
import type { DiskOptions } from '../options.ts';
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
  /** Number of disks that the VM has ever had. */
  #added = 0;
  /** How often a writer has opened the disks. Each time, they get a new content ID. */
  #opened = 0;

  /** `contentIds` makes content IDs differ between VMs. Undefined: the disks have none. */
  constructor(options: readonly DiskOptions[], folder: DatastoreFolder, contentIds: string | undefined) {
    this.#folder = folder;
    this.#contentIds = contentIds;
    for (const each of options) this.add(each);
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
    const disk = new VmDisk(place, `[${datastore}] ${name}/${file}`, diskUuid(`${name} ${this.#added}`));
    this.#added += 1;
    this.#disks.push(disk);
    return disk;
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

  /** Notes that a writer has opened the disks. */
  opened(): void {
    this.#opened += 1;
  }

  #contentId(disk: VmDisk): string | undefined {
    if (this.#contentIds === undefined) return undefined;
    const seed = `${this.#contentIds} ${this.#opened} ${disk.key}`;
    return createHash('sha256').update(seed).digest('hex').slice(0, 32);
  }
}

/** A UUID in the form in which backings contain it, the same in every run. */
function diskUuid(seed: string): string {
  const hex = createHash('sha256').update(`disk ${seed}`).digest('hex');
  return `6000C29${hex[0]}-${hex.slice(1, 5)}-${hex.slice(5, 9)}-${hex.slice(9, 13)}-${hex.slice(13, 25)}`;
}
