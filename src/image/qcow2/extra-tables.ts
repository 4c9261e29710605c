import type { SourceFile } from '../file/source-file.ts';
import type { ReferenceCount, Report } from './reference-count.ts';
import type { RefcountHeader } from './refcount-header.ts';

/** The L1 tables of the internal snapshots, and the size of the table that lists them. */
export interface Snapshots {
  tables: { offsetBytes: number; entries: number }[];
  tableBytes: number;
}

/** qemu's QCOW_MAX_L1_SIZE, and QCOW_MAX_SNAPSHOT_EXTRA_DATA with room for an ID and a name. */
const MAX_L1_ENTRIES = (32 * 2 ** 20) / 8;
const MAX_EXTRA_BYTES = 1024;
const SNAPSHOT_BYTES = 40;
const BITMAP_BYTES = 24;

/**
 * Reads the table of internal snapshots (docs/interop/qcow2.txt, "Snapshots"): entries of variable length, aligned to 8
 * bytes.
 */
export async function snapshotL1Tables(
  source: SourceFile,
  { snapshots, snapshotsOffsetBytes }: RefcountHeader,
  report: Report,
): Promise<Snapshots> {
  const tables: Snapshots['tables'] = [];
  let at = snapshotsOffsetBytes;
  for (let number = 0; number < snapshots; number += 1) {
    at = Math.ceil(at / 8) * 8;
    const entry = await source.read(at, SNAPSHOT_BYTES, 'a snapshot');
    const table = { offsetBytes: Number(entry.readBigUInt64BE(0)), entries: entry.readUInt32BE(8) };
    const extraBytes = entry.readUInt32BE(36);
    if (extraBytes > MAX_EXTRA_BYTES) throw source.fault(at + 36, `a snapshot has ${extraBytes} bytes of extra data`);
    if (table.entries > MAX_L1_ENTRIES || table.offsetBytes + table.entries * 8 > source.sizeBytes) {
      report('corruption', `the L1 table of snapshot ${number + 1} is not inside the file`);
    } else tables.push(table);
    at += SNAPSHOT_BYTES + extraBytes + entry.readUInt16BE(12) + entry.readUInt16BE(14);
  }
  return { tables, tableBytes: at - snapshotsOffsetBytes };
}

export function addSnapshotTable(
  count: ReferenceCount,
  { snapshots, snapshotsOffsetBytes }: RefcountHeader,
  tableBytes: number,
): void {
  if (snapshots > 0) count.add(snapshotsOffsetBytes, tableBytes, 'the snapshot table');
}

/** Counts the clusters of dirty bitmaps: their directory, their tables, and their data ("Bitmaps extension"). */
export async function addBitmaps(
  source: SourceFile,
  { bitmaps }: RefcountHeader,
  { clusterBytes, count, report }: { clusterBytes: number; count: ReferenceCount; report: Report },
): Promise<void> {
  if (bitmaps === undefined) return;
  count.add(bitmaps.directoryOffsetBytes, bitmaps.directoryBytes, 'the bitmap directory');
  let at = bitmaps.directoryOffsetBytes;
  const end = at + bitmaps.directoryBytes;
  for (let number = 0; number < bitmaps.count; number += 1) {
    if (at + BITMAP_BYTES > end) {
      if (count.isFirst) report('corruption', 'the bitmap directory ends too early');
      return;
    }
    const entry = await source.read(at, BITMAP_BYTES, 'a bitmap');
    const [tableBytes, entries] = [Number(entry.readBigUInt64BE(0)), entry.readUInt32BE(8)];
    count.add(tableBytes, entries * 8, 'a bitmap table');
    if (tableBytes + entries * 8 <= source.sizeBytes) {
      await addBitmapData(source, { tableBytes, entries, clusterBytes }, count);
    }
    const used = BITMAP_BYTES + entry.readUInt32BE(20) + entry.readUInt16BE(18);
    at += Math.ceil(used / 8) * 8;
  }
}

async function addBitmapData(
  source: SourceFile,
  { tableBytes, entries, clusterBytes }: Record<'tableBytes' | 'entries' | 'clusterBytes', number>,
  count: ReferenceCount,
): Promise<void> {
  for (let index = 0; index < entries; index += 1) {
    const bytes = await source.read(tableBytes + index * 8, 8, 'a bitmap table');
    // Bits 9 to 55.
    const offset = Number(bytes.readBigUInt64BE(0) & 0x00ff_ffff_ffff_fe00n);
    if (offset !== 0) count.add(offset, clusterBytes, 'a bitmap');
  }
}
