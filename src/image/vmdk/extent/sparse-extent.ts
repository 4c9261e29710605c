import { emptyRun, unitSpan, type Span } from '../../model/runs.ts';
import { PAGE_BYTES, type SourceFile } from '../../file/source-file.ts';
import { isFilled, walkTable } from '../../file/table-walk.ts';
import type { Run } from '../../model/image.ts';
import type { Extent } from './extent.ts';
import { GrainTable } from './grain-table.ts';
import { SECTOR_BYTES } from '../layout/sparse-header.ts';
import { ENTRY_ABSENT, ENTRY_UNKNOWN, readEntry, type SparseLayout } from './sparse-layout.ts';

/**
 * An extent that consists of a directory, grain tables and grains. Reads only the tables that a span needs, through the
 * file's bounded cache.
 */
export class SparseExtent implements Extent {
  readonly startBytes: number;
  readonly lengthBytes: number;
  readonly #source: SourceFile;
  readonly #file: number;
  readonly #layout: SparseLayout;

  /**
   * `file` is the number of `source` among the files of the image. `lengthBytes` is at most the capacity in the layout.
   */
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
   * Returns the locations of consecutive tables, starting at number `first`, that can be checked together: none of them
   * exists, or they are contiguous within a page. qemu allocates all tables when it creates a disk, so an empty 2 TiB
   * disk has 65,536 of them.
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

  /**
   * Returns true if all tables of a group are empty. Its first table is number `table`. `#tableRuns` reports errors in
   * the tables.
   */
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
    const referencedAt = directoryOffsetBytes + table * entryBytes;
    const what = `grain table ${table}`;
    if (place === ENTRY_UNKNOWN) throw this.#source.fault(referencedAt, `the entry of ${what} has an unknown type`);
    const firstGrain = table * tableEntries;
    // The file can end before the entries that are beyond the capacity.
    const bytes = Math.min(tableEntries, Math.ceil(capacityBytes / grainBytes) - firstGrain) * entryBytes;
    this.#source.requireInside(place, bytes, what, referencedAt);
    const entries = await this.#source.read(place, bytes, what);
    if (isFilled(entries, 0)) return [emptyRun('absent', span)];
    return new GrainTable(this.#source, this.#layout, place, firstGrain, entries).runs(span);
  }

  /**
   * Tables and grains do not overlap, so their total size cannot exceed the file size. By referring to the same table
   * or grain repeatedly, a file of a few sectors could define a disk of 64 TiB, which would take days to copy. The
   * limit is twice the file size, because some overlap is tolerated.
   */
  #checkHeld(heldBytes: number, table: number): void {
    if (heldBytes <= 2 * this.#source.sizeBytes) return;
    const { directoryOffsetBytes, entryBytes } = this.#layout;
    const what = `its tables up to number ${table} refer to more than twice the grains that the file has`;
    throw this.#source.fault(directoryOffsetBytes + table * entryBytes, what);
  }

  /** Converts runs of this extent to runs of the image. */
  #placed(runs: Run[]): Run[] {
    for (const run of runs) {
      run.offsetBytes += this.startBytes;
      if (run.kind === 'data' || run.kind === 'compressed') run.file = this.#file;
    }
    return runs;
  }
}

/** The minimum size of the runs in the file: a compressed grain takes at least one sector. */
function fileBytesOf(runs: readonly Run[]): number {
  let bytes = 0;
  for (const { kind, lengthBytes } of runs) {
    if (kind === 'data') bytes += lengthBytes;
    else if (kind === 'compressed') bytes += SECTOR_BYTES;
  }
  return bytes;
}
