import { createHash } from 'node:crypto';
import { randomBytesAt, seedKey, type ContentSource } from '../content-source.ts';

/** How a guest writes. */
export interface GuestOptions {
  /** The same seed gives the same records at the same places. Default: `guest`. */
  seed?: string;
  /** Default: 500. */
  recordsPerSecond?: number;
  /** The longest record, a multiple of 512. Default: 4096. */
  maxRecordBytes?: number;
  /** Change tracking misses each record whose number is a multiple of this. Default: none. */
  untrackedEvery?: number;
}

/** A record that a guest has written. Records are numbered from 1, over all disks. */
export interface GuestRecord {
  number: number;
  disk: number;
  offset: number;
  length: number;
}

/** The disks that a guest writes to. */
export interface GuestDisks {
  /** False while the VM is off. */
  isOn(): boolean;
  capacities(): number[];
  write(disk: number, offset: number, bytes: Buffer, isTracked: boolean): void;
}

const SECTOR_BYTES = 512;
const HEAD_BYTES = 64;
const MAGIC = 'h2k-rec1';
const TICK_MS = 10;
const MAX_TICK_MS = 50;

/** A guest that writes numbered, checksummed records at random places without pause while its VM runs. */
export class ScriptedGuest implements Disposable {
  /** All records so far, oldest first. */
  readonly log: GuestRecord[] = [];
  readonly #disks: GuestDisks;
  readonly #options: Required<GuestOptions>;
  readonly #timer: NodeJS.Timeout;
  readonly #key: Buffer;
  #lastTick = performance.now();
  #due = 0;

  constructor(disks: GuestDisks, options: GuestOptions = {}) {
    this.#disks = disks;
    this.#options = {
      seed: 'guest',
      recordsPerSecond: 500,
      maxRecordBytes: 4096,
      untrackedEvery: Infinity,
      ...options,
    };
    this.#key = seedKey(`places ${this.#options.seed}`);
    this.#timer = setInterval(() => this.#tick(), TICK_MS).unref();
  }

  /** Writes some records now, in addition to those that the rate gives. */
  write(count: number): void {
    for (let written = 0; written < count && this.#disks.isOn(); written += 1) this.#writeNext();
  }

  /** The guest writes nothing more. */
  stop(): void {
    clearInterval(this.#timer);
  }

  [Symbol.dispose](): void {
    this.stop();
  }

  /**
   * Finds the last record that the disks contain, and which ones before it they should contain but do not. Disks of one
   * point in time miss none.
   */
  async check(contents: readonly Pick<ContentSource, 'read'>[]): Promise<{ last: number; missing: number[] }> {
    const isPresent = async (record: GuestRecord) => {
      const bytes = await contents[record.disk]?.read(record.offset, record.length);
      return bytes?.equals(this.#bytesOf(record)) === true;
    };
    let last = this.log.length;
    while (last > 0) {
      const record = this.log[last - 1];
      if (record !== undefined && (await isPresent(record))) break;
      last -= 1;
    }
    const missing: number[] = [];
    const covered = contents.map(() => new Set<number>());
    for (const record of this.log.slice(0, last).toReversed()) {
      const sectors = sectorsOf(record);
      const above = covered[record.disk];
      if (!sectors.some((sector) => above?.has(sector) === true) && !(await isPresent(record))) {
        missing.unshift(record.number);
      }
      for (const sector of sectors) above?.add(sector);
    }
    return { last, missing };
  }

  #tick(): void {
    const now = performance.now();
    // A guest does not catch up on time for which this process was busy.
    const elapsedMs = Math.min(now - this.#lastTick, MAX_TICK_MS);
    this.#due += (elapsedMs * this.#options.recordsPerSecond) / 1000;
    this.#lastTick = now;
    const whole = Math.floor(this.#due);
    this.#due -= whole;
    this.write(whole);
  }

  #writeNext(): void {
    const number = this.log.length + 1;
    const random = randomBytesAt(this.#key, number * 16, 16);
    const capacities = this.#disks.capacities();
    const disk = random.readUInt32LE(0) % capacities.length;
    const sectors = 1 + (random.readUInt32LE(4) % (this.#options.maxRecordBytes / SECTOR_BYTES));
    const places = Math.floor((capacities[disk] ?? 0) / SECTOR_BYTES) - sectors + 1;
    const place = Number(random.readBigUInt64LE(8) % BigInt(places));
    const record = { number, disk, offset: place * SECTOR_BYTES, length: sectors * SECTOR_BYTES };
    this.log.push(record);
    const isTracked = number % this.#options.untrackedEvery !== 0;
    this.#disks.write(disk, record.offset, this.#bytesOf(record), isTracked);
  }

  /** A record: magic, number, length, the SHA-256 of what follows the head, and bytes that the seed and number give. */
  #bytesOf({ number, length }: GuestRecord): Buffer {
    const head = Buffer.alloc(HEAD_BYTES);
    const payload = randomBytesAt(seedKey(`${this.#options.seed} ${number}`), 0, length - HEAD_BYTES);
    head.write(MAGIC, 0, 'latin1');
    head.writeBigUInt64LE(BigInt(number), 8);
    head.writeUInt32LE(length, 16);
    createHash('sha256').update(payload).digest().copy(head, 32);
    return Buffer.concat([head, payload]);
  }
}

function sectorsOf({ offset, length }: GuestRecord): number[] {
  return Array.from({ length: length / SECTOR_BYTES }, (_, index) => offset / SECTOR_BYTES + index);
}
