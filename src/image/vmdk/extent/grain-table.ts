import { dataRun, emptyRun, unitSpan, type Span } from '../../model/runs.ts';
import type { SourceFile } from '../../file/source-file.ts';
import type { Run } from '../../model/image.ts';
import { GRAIN_DATA_OFFSET, MIN_GRAIN_DATA_BYTES, maxGrainDataBytes } from '../layout/marker.ts';
import { SECTOR_BYTES } from '../layout/sparse-header.ts';
import { ENTRY_ABSENT, ENTRY_UNKNOWN, ENTRY_ZERO, readEntry, type SparseLayout } from './sparse-layout.ts';

/**
 * The entries of a grain table, read from `offsetBytes` of its file. Its first entry maps grain number `firstGrain` of
 * the extent.
 */
export class GrainTable {
  readonly #source: SourceFile;
  readonly #layout: SparseLayout;
  readonly #offsetBytes: number;
  readonly #firstGrain: number;
  readonly #entries: Uint8Array;

  constructor(source: SourceFile, layout: SparseLayout, offsetBytes: number, firstGrain: number, entries: Uint8Array) {
    this.#source = source;
    this.#layout = layout;
    this.#offsetBytes = offsetBytes;
    this.#firstGrain = firstGrain;
    this.#entries = entries;
  }

  /** Returns the runs of `span`, which the table must cover. Offsets are in bytes of the extent; file numbers are 0. */
  runs(span: Span): Run[] {
    const { grainBytes, compressed } = this.#layout;
    const end = Math.ceil(span.toBytes / grainBytes);
    const borders = compressed ? this.#borders() : undefined;
    const runs: Run[] = [];
    for (let grain = Math.floor(span.fromBytes / grainBytes); grain < end; grain++) {
      const place = this.#placeOf(grain);
      const part = unitSpan(span, grainBytes, grain);
      // A COWD grain is one sector, so 1 MiB has 2,048. Contiguous grains extend the last run instead of creating a new
      // one.
      if (lengthen(runs.at(-1), place, part.toBytes - part.fromBytes)) continue;
      if (place < 0) runs.push(emptyRun(place === ENTRY_ZERO ? 'zero' : 'absent', part));
      else if (borders === undefined) runs.push(this.#dataRun(grain, place, part));
      else runs.push(this.#compressedRun(grain, place, part, borders));
    }
    return runs;
  }

  #placeOf(grain: number): number {
    const { grainOffsetBytes, entryBytes } = this.#layout;
    const place = readEntry(grainOffsetBytes, entryBytes, this.#entries, grain - this.#firstGrain);
    if (place === ENTRY_UNKNOWN)
      throw this.#source.fault(this.#referencedAt(grain), `the entry of grain ${grain} has an unknown type`);
    if (place >= 0) {
      const { grainBytes, capacityBytes, compressed } = this.#layout;
      const whole = Math.min(grainBytes, capacityBytes - grain * grainBytes);
      const least = compressed ? GRAIN_DATA_OFFSET + MIN_GRAIN_DATA_BYTES : whole;
      if (place + least > this.#source.sizeBytes)
        this.#source.requireInside(place, least, `grain ${grain}`, this.#referencedAt(grain));
    }
    return place;
  }

  #referencedAt(grain: number): number {
    return this.#offsetBytes + (grain - this.#firstGrain) * this.#layout.entryBytes;
  }

  #dataRun(grain: number, place: number, part: Span): Run {
    return dataRun(part, grain * this.#layout.grainBytes, place);
  }

  /**
   * The marker before a grain has its exact size. Reading every marker here would cost more than reading all tables, so
   * the run contains an upper bound.
   */
  #compressedRun(grain: number, place: number, { fromBytes, toBytes }: Span, borders: Float64Array): Run {
    const { grainBytes } = this.#layout;
    const fileOffsetBytes = place + GRAIN_DATA_OFFSET;
    const storedBytes = Math.min(nextBorder(borders, place) - fileOffsetBytes, maxGrainDataBytes(grainBytes));
    if (storedBytes < MIN_GRAIN_DATA_BYTES) {
      const what = `grain ${grain} has ${storedBytes} bytes before the next one starts, too few for zlib`;
      throw this.#source.fault(this.#referencedAt(grain), what);
    }
    return {
      kind: 'compressed',
      offsetBytes: fromBytes,
      lengthBytes: toBytes - fromBytes,
      codec: 'zlib',
      file: 0,
      fileOffsetBytes,
      storedBytes,
      exact: false,
      clusterBytes: grainBytes,
      skipBytes: fromBytes - grain * grainBytes,
      markerSector: (grain * grainBytes) / SECTOR_BYTES,
    };
  }

  /** The file offsets of the grains in the table, in ascending order, followed by the file size. */
  #borders(): Float64Array {
    const { entryBytes, grainOffsetBytes } = this.#layout;
    const borders = new Float64Array(this.#entries.length / entryBytes + 1);
    for (let index = 0; index < borders.length - 1; index++) {
      borders[index] = readEntry(grainOffsetBytes, entryBytes, this.#entries, index);
    }
    borders[borders.length - 1] = this.#source.sizeBytes;
    return borders.toSorted();
  }
}

/** Extends `last` by a grain at `place` if the grain continues the run. */
function lengthen(last: Run | undefined, place: number, lengthBytes: number): boolean {
  const continues =
    (last?.kind === 'data' && last.fileOffsetBytes + last.lengthBytes === place) ||
    (last?.kind === 'zero' && place === ENTRY_ZERO) ||
    (last?.kind === 'absent' && place === ENTRY_ABSENT);
  if (last !== undefined && continues) last.lengthBytes += lengthBytes;
  return continues;
}

/** Returns the lowest border above `place`. It always exists, because the file size was checked to be above `place`. */
function nextBorder(borders: Float64Array, place: number): number {
  let [low, high] = [0, borders.length - 1];
  while (low < high) {
    const middle = (low + high) >>> 1;
    if ((borders[middle] ?? 0) > place) high = middle;
    else low = middle + 1;
  }
  return borders[low] ?? 0;
}
