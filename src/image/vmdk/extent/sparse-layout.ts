import type { SourceFile } from '../../file/source-file.ts';
import { readU32 } from '../layout/marker.ts';

/** What an entry of a directory or a table says when it is not a place in the file. */
export const ENTRY_ABSENT = -1;
export const ENTRY_ZERO = -2;
/** Of a kind that the format does not have. */
export const ENTRY_UNKNOWN = -3;

/** Gives the place in the file, in bytes, for an entry in two halves (`high` is 0 where entries have 4 bytes), or one of the three others. */
export type EntryDecoder = (low: number, high: number) => number;

/** All sparse extents are a directory of tables of grains; this is in what they differ. */
export interface SparseLayout {
  capacityBytes: number;
  grainBytes: number;
  /** 4 or 8, in the directory and in the tables. */
  entryBytes: number;
  /** A table has at most a page: 65,536 bytes. */
  tableEntries: number;
  directoryOffsetBytes: number;
  /** Grains are zlib streams behind markers. */
  compressed: boolean;
  /** Of a directory entry. */
  tableOffsetBytes: EntryDecoder;
  /** Of a table's entry. */
  grainOffsetBytes: EntryDecoder;
}

/** Decodes entry number `index` of `entries`. */
export function readEntry(decode: EntryDecoder, entryBytes: number, entries: Uint8Array, index: number): number {
  const at = index * entryBytes;
  return decode(readU32(entries, at), entryBytes === 8 ? readU32(entries, at + 4) : 0);
}

/**
 * Throws kind `image` when the directory for the whole capacity is not all in the file, or does not start at an entry's border: so nothing is walked by a capacity alone.
 * `toldAt` is where the header says so.
 */
export function requireDirectory(source: SourceFile, layout: SparseLayout, toldAt: number): void {
  const { capacityBytes, grainBytes, tableEntries, entryBytes, directoryOffsetBytes } = layout;
  const entries = Math.ceil(capacityBytes / (grainBytes * tableEntries));
  source.requireInside(directoryOffsetBytes, entries * entryBytes, 'its grain directory', toldAt);
}
