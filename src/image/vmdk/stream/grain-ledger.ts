/**
 * Keeps the account of which grains came at which place of the stream, and of what grain tables and directory say about it,
 * in a few numbers whatever the disk's size: both sides are summed up, and must come out the same.
 */
export class GrainLedger {
  readonly #tableEntries: number;
  readonly #grains = new Tally();
  readonly #grainsInTables = new Tally();
  readonly #tables = new Tally();
  readonly #tablesInDirectory = new Tally();

  /** `tableEntries` to a grain table. */
  constructor(tableEntries: number) {
    this.#tableEntries = tableEntries;
  }

  get grainCount(): number {
    return this.#grains.count;
  }

  /** Grain tables that came. */
  get tableCount(): number {
    return this.#tables.count;
  }

  /** Grain number `index` of the disk has its marker in sector `sector` of the stream. */
  addGrain(index: number, sector: number): void {
    this.#grains.add(index % this.#tableEntries, sector);
  }

  /** Entry `index` of a grain table. 0 and 1 both stand for a grain of zeros, which is not in the stream. */
  addTableEntry(index: number, sector: number): void {
    if (sector > 1) this.#grainsInTables.add(index, sector);
  }

  /** A grain table starts in sector `sector` of the stream. */
  addTable(sector: number): void {
    this.#tables.add(0, sector);
  }

  /** An entry of the grain directory. 0 stands for a table without grains. */
  addDirectoryEntry(sector: number): void {
    if (sector > 0) this.#tablesInDirectory.add(0, sector);
  }

  /** How many grains the tables name that did not come; below zero when more came than they name. */
  get missingGrains(): number {
    return this.#grainsInTables.count - this.#grains.count;
  }

  /** What does not agree between grains and tables, or undefined. Meant for when all of them came. */
  tableFault(): string | undefined {
    if (this.missingGrains !== 0) {
      return `its grain tables name ${this.#grainsInTables.count} grains, and ${this.#grains.count} came`;
    }
    return this.#grains.equals(this.#grainsInTables) ? undefined : 'its grain tables do not point to its grains';
  }

  /** What does not agree between grain tables and grain directory, or undefined. */
  directoryFault(): string | undefined {
    if (this.#tables.equals(this.#tablesInDirectory)) return undefined;
    return `its grain directory names ${this.#tablesInDirectory.count} grain tables that are not the ${this.#tables.count} that came`;
  }
}

/** An order-free sum over pairs: the count, and a sum of mixed values modulo 2^32. */
class Tally {
  count = 0;
  #sum = 0;

  /** A sector is taken modulo 2^32, as a grain table keeps it. */
  add(index: number, sector: number): void {
    this.count += 1;
    // A multiply-and-shift mix (the constants of MurmurHash3's finalizer), so that two wrong entries do not cancel out.
    let mixed = Math.imul(sector ^ Math.imul(index + 1, 0x85ebca6b), 0xc2b2ae35);
    mixed = Math.imul(mixed ^ (mixed >>> 15), 0x85ebca6b);
    this.#sum = (this.#sum + (mixed ^ (mixed >>> 13))) | 0;
  }

  equals(other: Tally): boolean {
    return this.count === other.count && this.#sum === other.#sum;
  }
}
