import type { SourceFile } from '../../file/source-file.ts';
import { readU32 } from '../layout/marker.ts';

/** Special results of decoding a directory or table entry that does not contain a file offset. */
export const ENTRY_ABSENT = -1;
export const ENTRY_ZERO = -2;
/** An entry type that the format does not define. */
export const ENTRY_UNKNOWN = -3;

/**
 * Returns the file offset in bytes for an entry that is given as two halves, or one of the three special values. `high`
 * is 0 for 4-byte entries.
 */
export type EntryDecoder = (low: number, high: number) => number;

/** All sparse extents consist of a directory, tables and grains. This describes how they differ. */
export interface SparseLayout {
  capacityBytes: number;
  grainBytes: number;
  /** 4 or 8, for both the directory and the tables. */
  entryBytes: number;
  /** A table takes at most one page: 65,536 bytes. */
  tableEntries: number;
  directoryOffsetBytes: number;
  /** Grains are zlib streams after markers. */
  compressed: boolean;
  /** Decodes a directory entry. */
  tableOffsetBytes: EntryDecoder;
  /** Decodes a table entry. */
  grainOffsetBytes: EntryDecoder;
}

/** Decodes entry number `index` of `entries`. */
export function readEntry(decode: EntryDecoder, entryBytes: number, entries: Uint8Array, index: number): number {
  const at = index * entryBytes;
  return decode(readU32(entries, at), entryBytes === 8 ? readU32(entries, at + 4) : 0);
}

/**
 * Checks that the directory for the complete capacity is inside the file and aligned to its entry size. This bounds the
 * amount of work by the file size instead of the capacity. `toldAt` is the offset of the header field.
 * @throws Hyper2kvmError kind `image`.
 */
export function requireDirectory(source: SourceFile, layout: SparseLayout, referencedAt: number): void {
  const { capacityBytes, grainBytes, tableEntries, entryBytes, directoryOffsetBytes } = layout;
  const entries = Math.ceil(capacityBytes / (grainBytes * tableEntries));
  source.requireInside(directoryOffsetBytes, entries * entryBytes, 'its grain directory', referencedAt);
}
