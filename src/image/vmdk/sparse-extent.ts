import { emptyRun, unitSpan, type Span } from '../file/runs.ts';
import type { SourceFile } from '../file/source-file.ts';
import { isFilled, walkTable } from '../file/table-walk.ts';
import type { Run } from '../image.ts';
import type { Extent } from './extent.ts';
import { GrainTable } from './grain-table.ts';
import { SECTOR_BYTES } from './sparse-header.ts';
import { ENTRY_ABSENT, ENTRY_UNKNOWN, readEntry, type SparseLayout } from './sparse-layout.ts';

/** An extent that is a directory of tables of grains. Only the tables that a span needs are read, through the file's bounded cache. */
export class SparseExtent implements Extent {
  readonly startBytes: number;
  readonly lengthBytes: number;
  readonly #source: SourceFile;
  readonly #file: number;
  readonly #layout: SparseLayout;

  /** `file` is the number of `source` among the image's files; `lengthBytes` is at most the layout's capacity. */
  constructor(source: SourceFile, file: number, layout: SparseLayout, startBytes: number, lengthBytes: number) {
    this.#source = source;
    this.#file = file;
    this.#layout = layout;
    this.startBytes = startBytes;
    this.lengthBytes = lengthBytes;
  }

  get checksummed(): boolean {
    return this.#layout.compressed;
  }

  async *map(span: Span): AsyncGenerator<readonly Run[], void, undefined> {
    const { directoryOffsetBytes, entryBytes, grainBytes, tableEntries } = this.#layout;
    const unitBytes = grainBytes * tableEntries;
    const directory = { offsetBytes: directoryOffsetBytes, entryBytes, unitBytes };
    let heldBytes = 0;
    const own = { fromBytes: span.fromBytes - this.startBytes, toBytes: span.toBytes - this.startBytes };
    for await (const slice of walkTable(this.#source, directory, own.fromBytes, own.toBytes)) {
      const { firstIndex, count, entries } = slice;
      if (isFilled(entries, 0)) {
        yield this.#placed([emptyRun('absent', unitSpan(own, unitBytes, firstIndex, count))]);
        continue;
      }
      for (let index = 0; index < count; index++) {
        const place = readEntry(this.#layout.tableOffsetBytes, entryBytes, entries, index);
        const table = firstIndex + index;
        const runs = await this.#tableRuns(unitSpan(own, unitBytes, table), table, place);
        if (place !== ENTRY_ABSENT) heldBytes += tableEntries * entryBytes + fileBytesOf(runs);
        this.#checkHeld(heldBytes, table);
        yield this.#placed(runs);
      }
    }
  }

  async #tableRuns(span: Span, table: number, place: number): Promise<Run[]> {
    if (place === ENTRY_ABSENT) return [emptyRun('absent', span)];
    const { capacityBytes, directoryOffsetBytes, entryBytes, grainBytes, tableEntries } = this.#layout;
    const toldAt = directoryOffsetBytes + table * entryBytes;
    const what = `grain table ${table}`;
    if (place === ENTRY_UNKNOWN) throw this.#source.fault(toldAt, `the entry of ${what} is of no known kind`);
    const firstGrain = table * tableEntries;
    // Entries beyond the capacity need not be in the file.
    const bytes = Math.min(tableEntries, Math.ceil(capacityBytes / grainBytes) - firstGrain) * entryBytes;
    this.#source.requireInside(place, bytes, what, toldAt);
    const entries = await this.#source.read(place, bytes, what);
    if (isFilled(entries, 0)) return [emptyRun('absent', span)];
    return new GrainTable(this.#source, this.#layout, place, firstGrain, entries).runs(span);
  }

  /**
   * Tables and grains stand side by side, so they cannot take more than the file has. One that names a table or a grain again and again could make a disk of 64 TiB out of a
   * few sectors, and a copy of it would take days. Twice the file's size, since some overlap is tolerated.
   */
  #checkHeld(heldBytes: number, table: number): void {
    if (heldBytes <= 2 * this.#source.sizeBytes) return;
    const { directoryOffsetBytes, entryBytes } = this.#layout;
    const what = `its tables up to number ${table} name more than twice of what the file has`;
    throw this.#source.fault(directoryOffsetBytes + table * entryBytes, what);
  }

  /** The runs of this extent as runs of the image. */
  #placed(runs: Run[]): Run[] {
    for (const run of runs) {
      run.offsetBytes += this.startBytes;
      if (run.kind === 'data' || run.kind === 'compressed') run.file = this.#file;
    }
    return runs;
  }
}

/** What runs take in the file, at the least: a compressed grain is a sector or more. */
function fileBytesOf(runs: readonly Run[]): number {
  let bytes = 0;
  for (const { kind, lengthBytes } of runs) {
    if (kind === 'data') bytes += lengthBytes;
    else if (kind === 'compressed') bytes += SECTOR_BYTES;
  }
  return bytes;
}
