import { Hyper2kvmError } from '../../../base/errors.ts';
import { SECTOR_BYTES } from '../layout/sparse-header.ts';
import { GRAIN_SECTORS, TABLE_ENTRIES } from './stream-front-writer.ts';

/** An entry has 32 bits and counts sectors: what stands behind 2 TiB of the file cannot be named. */
const MAX_ENTRY = 2 ** 32 - 1;

/**
 * Where the grains of a new stream stand: the grain table under way (2 KiB), and the grain directory. Grains come in the order of the disk, so a table is done when a grain of
 * another one comes. Only the directory grows with the disk, as the format needs it: 4 bytes for each 32 MiB, which are 256 KiB for 2 TiB and 8 MiB for 64 TiB.
 */
export class GrainPlaces {
  readonly #path: string;
  readonly #directory: Buffer;
  readonly #table = Buffer.alloc(TABLE_ENTRIES * 4);
  /** Number of the table under way. */
  #number = -1;

  /** `path` is for errors. */
  constructor(path: string, capacitySectors: number) {
    this.#path = path;
    this.#directory = Buffer.alloc(Math.ceil(capacitySectors / (GRAIN_SECTORS * TABLE_ENTRIES)) * 4);
  }

  /** True when the table under way is of other grains, and must be taken before `grain` is set. */
  isDoneBefore(grain: number): boolean {
    return this.#number !== -1 && this.#number !== Math.floor(grain / TABLE_ENTRIES);
  }

  /** Grain number `grain` of the disk starts in sector `sector` of the file. @throws Hyper2kvmError `image` when that is too far. */
  set(grain: number, sector: number): void {
    this.#number = Math.floor(grain / TABLE_ENTRIES);
    this.#table.writeUInt32LE(this.#asEntry(sector), (grain % TABLE_ENTRIES) * 4);
  }

  /** The table under way, which will start in sector `sector` of the file; undefined when there is none. */
  takeTable(sector: number): Buffer | undefined {
    if (this.#number === -1) return undefined;
    this.#directory.writeUInt32LE(this.#asEntry(sector), this.#number * 4);
    this.#number = -1;
    const table = Buffer.from(this.#table);
    this.#table.fill(0);
    return table;
  }

  /** The whole directory, when all tables have been taken. A table without grains is 0. */
  get directory(): Buffer {
    return this.#directory;
  }

  #asEntry(sector: number): number {
    if (sector <= MAX_ENTRY) return sector;
    const what = `${this.#path} would grow beyond ${(MAX_ENTRY + 1) * SECTOR_BYTES} bytes (2 TiB), the most that a VMDK can have`;
    throw new Hyper2kvmError('image', `${what}: the disk contains too much data.`, {
      hint: 'Choose --format qcow2 or raw.',
    });
  }
}
