import { emptyRun, unitSpan, type Span } from '../../model/runs.ts';
import { PAGE_BYTES, type SourceFile } from '../../file/source-file.ts';
import { isFilled, walkTable } from '../../file/table-walk.ts';
import type { Run } from '../../model/image.ts';
import type { Extent } from './extent.ts';
import { GrainTable } from './grain-table.ts';
import { SECTOR_BYTES } from '../layout/sparse-header.ts';
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
      const places = Array.from({ length: count }, (_, index) =>
        readEntry(this.#layout.tableOffsetBytes, entryBytes, entries, index),
      );
      for (let index = 0; index < count;) {
        const table = firstIndex + index;
        const group = this.#groupFrom(places, index);
        index += group.length;
        if (await this.#isEmpty(group, table)) {
          if (group[0] !== ENTRY_ABSENT) heldBytes += group.length * tableEntries * entryBytes;
          this.#checkHeld(heldBytes, table);
          yield this.#placed([emptyRun('absent', unitSpan(own, unitBytes, table, group.length))]);
          continue;
        }
        for (const [number, place] of group.entries()) {
          const runs = await this.#tableRuns(unitSpan(own, unitBytes, table + number), table + number, place);
          heldBytes += tableEntries * entryBytes + fileBytesOf(runs);
          this.#checkHeld(heldBytes, table + number);
          yield this.#placed(runs);
        }
      }
    }
  }

  /**
   * The places of tables from number `first` on that can be looked at together: none of them is there, or they stand side by side in a page. qemu gives each table a place when it makes a
   * disk, so that an empty one of 2 TiB has 65,536.
   */
  #groupFrom(places: readonly number[], first: number): readonly number[] {
    const { entryBytes, tableEntries } = this.#layout;
    const tableBytes = tableEntries * entryBytes;
    const start = places[first] ?? ENTRY_ABSENT;
    const most = start < 0 ? places.length : Math.floor((PAGE_BYTES - (start % PAGE_BYTES)) / tableBytes);
    const stepBytes = start < 0 ? 0 : tableBytes;
    let end = first + 1;
    while (end < places.length && end - first < most && places[end] === start + (end - first) * stepBytes) end++;
    return places.slice(first, end);
  }

  /** True when tables of a group, of which the first is number `table`, hold nothing. What is wrong with one of them is for `#tableRuns` to say. */
  async #isEmpty(group: readonly number[], table: number): Promise<boolean> {
    const { capacityBytes, entryBytes, grainBytes, tableEntries } = this.#layout;
    const [place = ENTRY_ABSENT] = group;
    if (place === ENTRY_ABSENT) return true;
    if (place < 0 || group.length === 1) return false;
    const grains = Math.min(group.length * tableEntries, Math.ceil(capacityBytes / grainBytes) - table * tableEntries);
    if (place + grains * entryBytes > this.#source.sizeBytes) return false;
    return isFilled(await this.#source.slice(place, grains * entryBytes), 0);
  }

  async #tableRuns(span: Span, table: number, place: number): Promise<Run[]> {
    const { capacityBytes, directoryOffsetBytes, entryBytes, grainBytes, tableEntries } = this.#layout;
    const toldAt = directoryOffsetBytes + table * entryBytes;
    const what = `grain table ${table}`;
    if (place === ENTRY_UNKNOWN) throw this.#source.fault(toldAt, `the entry of ${what} has an unknown type`);
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
    const what = `its tables up to number ${table} refer to more than twice the grains that the file has`;
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
