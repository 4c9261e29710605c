import { PAGE_BYTES, type SourceFile } from './source-file.ts';

/** A table of fixed-size entries, each of which maps `unitBytes` of the range that the table covers. */
export interface Table {
  offsetBytes: number;
  entryBytes: number;
  unitBytes: number;
}

/** Consecutive entries of a table. */
export interface TableSlice {
  firstIndex: number;
  count: number;
  entries: Buffer;
}

/**
 * Yields the entries that map `[fromBytes, toBytes)`, page by page; nothing for an empty range. The caller has checked
 * that the table is inside the file and aligned to its entry size.
 */
export async function* walkTable(
  source: SourceFile,
  { offsetBytes, entryBytes, unitBytes }: Table,
  fromBytes: number,
  toBytes: number,
): AsyncGenerator<TableSlice, void, undefined> {
  const end = fromBytes < toBytes ? Math.ceil(toBytes / unitBytes) : 0;
  for (let firstIndex = Math.floor(fromBytes / unitBytes); firstIndex < end;) {
    const entries = await source.slice(offsetBytes + firstIndex * entryBytes, (end - firstIndex) * entryBytes);
    const count = entries.length / entryBytes;
    yield { firstIndex, count, entries };
    firstIndex += count;
  }
}

const FILLED = new Map([0x00, 0xff].map((byte) => [byte, Buffer.alloc(PAGE_BYTES, byte)]));

/** Returns true if all bytes equal `byte`. This makes the scan of a large empty disk's tables as fast as memory. */
export function isFilled(entries: Buffer, byte: 0x00 | 0xff): boolean {
  return FILLED.get(byte)?.subarray(0, entries.length).equals(entries) ?? false;
}
