import { Hyper2kvmError } from '../../../base/errors.ts';
import { SECTOR_BYTES } from '../layout/sparse-header.ts';
import { GRAIN_SECTORS, TABLE_ENTRIES } from './stream-front-writer.ts';

/** An entry has 32 bits and counts sectors, so it cannot refer to anything after the first 2 TiB of the file. */
const MAX_ENTRY = 2 ** 32 - 1;

/**
 * The offsets of the grains in a new stream: the current grain table (2 KiB) and the grain directory. Grains arrive in
 * disk order, so a table is complete when a grain of another table arrives. Only the directory grows with the disk, as
 * the format requires: 4 bytes per 32 MiB, which is 256 KiB for 2 TiB and 8 MiB for 64 TiB.
 */
export class GrainPlaces {
  readonly #path: string;
  readonly #directory: Buffer;
  readonly #table = Buffer.alloc(TABLE_ENTRIES * 4);
  /** Number of the current table. */
  #number = -1;

  /** `path` is for error messages. */
  constructor(path: string, capacitySectors: number) {
    this.#path = path;
    this.#directory = Buffer.alloc(Math.ceil(capacitySectors / (GRAIN_SECTORS * TABLE_ENTRIES)) * 4);
  }

  /** Returns true if `grain` belongs to another table. The current table must then be taken before `grain` is set. */
  isDoneBefore(grain: number): boolean {
    return this.#number !== -1 && this.#number !== Math.floor(grain / TABLE_ENTRIES);
  }

  /**
   * Records that grain number `grain` of the disk starts in sector `sector` of the file.
   * @throws Hyper2kvmError kind `image` if the sector exceeds the range of an entry.
   */
  set(grain: number, sector: number): void {
    this.#number = Math.floor(grain / TABLE_ENTRIES);
    this.#table.writeUInt32LE(this.#asEntry(sector), (grain % TABLE_ENTRIES) * 4);
  }

  /** Returns the current table, which the caller writes at sector `sector` of the file; undefined if there is none. */
  takeTable(sector: number): Buffer | undefined {
    if (this.#number === -1) return undefined;
    this.#directory.writeUInt32LE(this.#asEntry(sector), this.#number * 4);
    this.#number = -1;
    const table = Buffer.from(this.#table);
    this.#table.fill(0);
    return table;
  }

  /** The complete directory. Call it after all tables have been taken. The entry of a table without grains is 0. */
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
