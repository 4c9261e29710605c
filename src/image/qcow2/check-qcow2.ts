import { OpenFile } from '../file/open-file.ts';
import { SourceFile } from '../file/source-file.ts';
import { isFilled, walkTable } from '../file/table-walk.ts';
import { addBitmaps, addSnapshotTable, snapshotL1Tables } from './extra-tables.ts';
import { readQcow2Header, type Qcow2Header } from './header.ts';
import { hostOffset } from './l2-entry.ts';
import { ReferenceCount, type Report } from './reference-count.ts';
import { readRefcountHeader } from './refcount-header.ts';
import { addRefcountTable } from './refcount-table.ts';

/** What a check of one qcow2 file found, counted like `qemu-img check` does. */
export interface Qcow2Check {
  /** Data may be lost, or is lost when the image is written to. */
  corruptions: number;
  /** Clusters that are allocated but not used. They only waste space. */
  leaks: number;
  /** The image was not closed cleanly. */
  isDirty: boolean;
  /** The first of what was found, as phrases, corruptions first. */
  examples: string[];
}

const MOST_EXAMPLES = 5;
/** Bit 63 of an L1 or L2 entry: the refcount is exactly one. Bit 62 of an L2 entry: a compressed cluster. */
const COPIED = 0x8000_0000;
const COMPRESSED = 0x4000_0000;
const SECTOR_BYTES = 512;
/** Bits of the two halves of an entry that must be zero. */
const L1_RESERVED = { high: 0x7f00_0000, low: 0x1ff };
const L2_RESERVED = { high: 0x3f00_0000, low: 0x1fe };

/** An L1 table: that of the disk, or that of an internal snapshot. */
interface L1Table {
  offsetBytes: number;
  entries: number;
  /** The flag "the refcount is one" is only meaningful in the active table. */
  isActive: boolean;
}

/**
 * Checks the refcounts of one qcow2 file against the references in its tables, without its backing file. Reads tables
 * only, no data. `clustersPerPass` is for tests.
 * @throws Hyper2kvmError kind `image` for a header that cannot be read, or the signal's reason.
 */
export async function checkQcow2(
  path: string,
  signal: AbortSignal,
  { clustersPerPass }: { clustersPerPass?: number } = {},
): Promise<Qcow2Check> {
  await using file = await OpenFile.open(path);
  const source = new SourceFile(file, 'qcow2');
  const header = await readQcow2Header(source);
  const refcounts = await readRefcountHeader(source, header);
  const found = { corruptions: 0, leaks: 0, isDirty: refcounts.isDirty };
  const examples: Record<'corruption' | 'leak', string[]> = { corruption: [], leak: [] };
  const report: Report = (kind, sentence) => {
    found[kind === 'leak' ? 'leaks' : 'corruptions'] += 1;
    if (examples[kind].length < MOST_EXAMPLES) examples[kind].push(sentence);
  };
  const { clusterBytes, l1OffsetBytes, l1Entries } = header;
  const active = { offsetBytes: l1OffsetBytes, entries: l1Entries, isActive: true };
  const snapshots = await snapshotL1Tables(source, refcounts, report);
  for (const count of ReferenceCount.passes({ clusterBytes, fileBytes: source.sizeBytes, report }, clustersPerPass)) {
    count.add(0, clusterBytes, 'the header');
    const tables = [active, ...snapshots.tables.map((table) => ({ ...table, isActive: false }))];
    const walk = { source, header, count, report, signal };
    for (const table of tables) await addL1Table(walk, table);
    addSnapshotTable(count, refcounts, snapshots.tableBytes);
    await addBitmaps(source, refcounts, { clusterBytes, count, report });
    await addRefcountTable(source, refcounts, { clusterBytes, count, report });
    count.compare();
    await checkCopiedFlags(walk, active);
  }
  return { ...found, examples: [...examples.corruption, ...examples.leak].slice(0, MOST_EXAMPLES) };
}

interface Walk {
  source: SourceFile;
  header: Qcow2Header;
  count: ReferenceCount;
  report: Report;
  signal: AbortSignal;
}

/** One entry: the two halves of its first 64 bits. */
type OnEntry = (high: number, low: number, offsetBytes: number, index: number) => void;

/** Calls `onEntry` for each entry of a table that is not zero. */
async function eachEntry(
  { source, signal }: Walk,
  table: { offsetBytes: number; entries: number; entryBytes: number },
  onEntry: OnEntry,
): Promise<void> {
  const { offsetBytes, entries: total, entryBytes } = table;
  const walked = walkTable(source, { offsetBytes, entryBytes, unitBytes: 1 }, 0, total);
  for await (const { firstIndex, count, entries } of walked) {
    signal.throwIfAborted();
    if (isFilled(entries, 0)) continue;
    for (let index = 0; index < count; index += 1) {
      const at = index * entryBytes;
      const [high, low] = [entries.readUInt32BE(at), entries.readUInt32BE(at + 4)];
      if (high !== 0 || low !== 0) onEntry(high, low, hostOffset(entries, at), firstIndex + index);
    }
  }
}

/** The offsets of the L2 tables of an L1 table that are where a table can be. */
async function l2Tables(walk: Walk, { offsetBytes, entries }: L1Table): Promise<{ offset: number; copied: boolean }[]> {
  const { source, header } = walk;
  const tables: { offset: number; copied: boolean }[] = [];
  await eachEntry(walk, { offsetBytes, entries, entryBytes: 8 }, (high, _low, offset) => {
    if (offset !== 0) tables.push({ offset, copied: high >= COPIED });
  });
  return tables.filter(({ offset }) => isTable(offset, source, header));
}

function hasBits(high: number, low: number, bits: { high: number; low: number }): boolean {
  return (high & bits.high) !== 0 || (low & bits.low) !== 0;
}

function isTable(offset: number, { sizeBytes }: SourceFile, { clusterBytes }: Qcow2Header): boolean {
  return offset % clusterBytes === 0 && offset + clusterBytes <= sizeBytes;
}

async function addL1Table(walk: Walk, table: L1Table): Promise<void> {
  const { source, header, count, report } = walk;
  const { clusterBytes } = header;
  const { offsetBytes, entries } = table;
  count.add(offsetBytes, entries * 8, 'an L1 table');
  const offsets: number[] = [];
  await eachEntry(walk, { offsetBytes, entries, entryBytes: 8 }, (high, low, offset, index) => {
    if (count.isFirst && hasBits(high, low, L1_RESERVED)) {
      report('corruption', `entry ${index} of the L1 table at byte ${offsetBytes} has reserved bits`);
    }
    if (offset === 0) return;
    count.add(offset, clusterBytes, 'an L2 table');
    if (offset % clusterBytes !== 0) {
      if (count.isFirst) report('corruption', `the L2 table at byte ${offset} is not aligned to a cluster`);
    } else if (isTable(offset, source, header)) offsets.push(offset);
  });
  for (const offset of offsets) await addL2Table(walk, offset);
}

async function addL2Table(walk: Walk, tableBytes: number): Promise<void> {
  const { header, count, report } = walk;
  const { clusterBytes, extendedL2 } = header;
  const entryBytes = extendedL2 ? 16 : 8;
  const offsetBitsHigh = 62 - (Math.log2(clusterBytes) - 8) - 32;
  await eachEntry(
    walk,
    { offsetBytes: tableBytes, entries: clusterBytes / entryBytes, entryBytes },
    (high, low, offset, index) => {
      if ((high & COMPRESSED) !== 0) {
        if (high >= COPIED && count.isFirst)
          report('corruption', `a compressed cluster is marked as having one reference`);
        const start = (high & ((1 << offsetBitsHigh) - 1)) * 2 ** 32 + low;
        const sectors = ((high & (COMPRESSED - 1)) >>> offsetBitsHigh) + 1;
        const first = Math.floor(start / SECTOR_BYTES) * SECTOR_BYTES;
        count.add(first, sectors * SECTOR_BYTES, 'a compressed cluster');
        return;
      }
      if (count.isFirst && hasBits(high, low, L2_RESERVED)) {
        report('corruption', `entry ${index} of the L2 table at byte ${tableBytes} has reserved bits`);
      }
      if (offset === 0) return;
      if (offset % clusterBytes !== 0 && count.isFirst) {
        report('corruption', `the cluster at byte ${offset} is not aligned`);
      }
      count.add(offset, clusterBytes, 'a cluster');
    },
  );
}

/** "The refcount is one" must be set exactly for clusters with the refcount one: writers rely on it. */
async function checkCopiedFlags(walk: Walk, active: L1Table): Promise<void> {
  const { header, count, report } = walk;
  const { clusterBytes, extendedL2 } = header;
  const compare = (what: string, offset: number, copied: boolean): void => {
    const refcount = count.refcountAt(offset);
    if (refcount === undefined || (refcount === 1) === copied) return;
    report('corruption', `${what} at byte ${offset} has the refcount ${refcount}, and its entry says otherwise`);
  };
  const entryBytes = extendedL2 ? 16 : 8;
  for (const { offset: table, copied } of await l2Tables(walk, active)) {
    compare('the L2 table', table, copied);
    const entries = { offsetBytes: table, entries: clusterBytes / entryBytes, entryBytes };
    await eachEntry(walk, entries, (high, _low, offset) => {
      if ((high & COMPRESSED) === 0 && offset !== 0 && offset % clusterBytes === 0) {
        compare('the cluster', offset, high >= COPIED);
      }
    });
  }
}
