/**
 * Compares the grains at their offsets in the stream with the entries of the grain tables and the directory. Uses
 * constant memory whatever the size of the disk: both sides are reduced to sums, which must be equal.
 */
export class GrainLedger {
  readonly #tableEntries: number;
  readonly #grains = new Tally();
  readonly #grainsInTables = new Tally();
  readonly #tables = new Tally();
  readonly #tablesInDirectory = new Tally();

  /** `tableEntries` is the number of entries per grain table. */
  constructor(tableEntries: number) {
    this.#tableEntries = tableEntries;
  }

  get grainCount(): number {
    return this.#grains.count;
  }

  /** Number of grain tables received. */
  get tableCount(): number {
    return this.#tables.count;
  }

  /** Records that the marker of grain number `index` of the disk is in sector `sector` of the stream. */
  addGrain(index: number, sector: number): void {
    this.#grains.add(index % this.#tableEntries, sector);
  }

  /** Records entry `index` of a grain table. 0 and 1 both mean a grain of zeros, which is not in the stream. */
  addTableEntry(index: number, sector: number): void {
    if (sector > 1) this.#grainsInTables.add(index, sector);
  }

  /** Records that a grain table starts in sector `sector` of the stream. */
  addTable(sector: number): void {
    this.#tables.add(0, sector);
  }

  /** Records an entry of the grain directory. 0 means that there is no table. */
  addDirectoryEntry(sector: number): void {
    if (sector > 0) this.#tablesInDirectory.add(0, sector);
  }

  /** Number of grains in the tables that did not arrive. Negative if more grains arrived than the tables contain. */
  get missingGrains(): number {
    return this.#grainsInTables.count - this.#grains.count;
  }

  /** Returns the mismatch between grains and tables, or undefined. Call it after all of them have arrived. */
  tableFault(): string | undefined {
    if (this.missingGrains !== 0) {
      return `its grain tables name ${this.#grainsInTables.count} grains, and ${this.#grains.count} came`;
    }
    return this.#grains.equals(this.#grainsInTables) ? undefined : 'its grain tables do not point to its grains';
  }

  /** Returns the mismatch between the grain tables and the grain directory, or undefined. */
  directoryFault(): string | undefined {
    if (this.#tables.equals(this.#tablesInDirectory)) return undefined;
    return `its grain directory names ${this.#tablesInDirectory.count} grain tables that are not the ${this.#tables.count} that came`;
  }
}

/** An order-independent sum over pairs: the count, and a sum of mixed values modulo 2^32. */
class Tally {
  count = 0;
  #sum = 0;

  /** The sector is taken modulo 2^32, as in a grain table. */
  add(index: number, sector: number): void {
    this.count += 1;
    // A multiply-and-shift mix with the constants of MurmurHash3's finalizer, so that two wrong entries do not cancel
    // each other out.
    let mixed = Math.imul(sector ^ Math.imul(index + 1, 0x85ebca6b), 0xc2b2ae35);
    mixed = Math.imul(mixed ^ (mixed >>> 15), 0x85ebca6b);
    this.#sum = (this.#sum + (mixed ^ (mixed >>> 13))) | 0;
  }

  equals(other: Tally): boolean {
    return this.count === other.count && this.#sum === other.#sum;
  }
}
