import { PAGE_BYTES, type SourceFile } from './source-file.ts';

/** A table of equal entries, each of which answers for `unitBytes` of what the table covers. */
export interface Table {
  offsetBytes: number;
  entryBytes: number;
  unitBytes: number;
}

/** Some neighbouring entries of a table. */
export interface TableSlice {
  firstIndex: number;
  count: number;
  entries: Buffer;
}

/** The entries that answer for `[fromBytes, toBytes)`, page by page; none for an empty range. The caller has checked that the table stands in the file, aligned to its entries. */
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

/** True when all bytes are `byte`: the tables of a large empty disk are gone through at the speed of memory by it. */
export function isFilled(entries: Buffer, byte: 0x00 | 0xff): boolean {
  return FILLED.get(byte)?.subarray(0, entries.length).equals(entries) ?? false;
}
