import type { SourceFile } from '../file/source-file.ts';
import { walkTable } from '../file/table-walk.ts';
import type { ReferenceCount, Report } from './reference-count.ts';
import type { RefcountHeader } from './refcount-header.ts';

/** Counts the clusters of the refcount table and its blocks, and reads the refcounts of the clusters of this pass. */
export async function addRefcountTable(
  source: SourceFile,
  { tableOffsetBytes, tableClusters, refcountBits }: RefcountHeader,
  { clusterBytes, count, report }: { clusterBytes: number; count: ReferenceCount; report: Report },
): Promise<void> {
  const tableBytes = tableClusters * clusterBytes;
  count.add(tableOffsetBytes, tableBytes, 'the refcount table');
  const perBlock = (clusterBytes * 8) / refcountBits;
  const blocks: { offset: number; firstCluster: number }[] = [];
  const table = { offsetBytes: tableOffsetBytes, entryBytes: 8, unitBytes: 1 };
  for await (const slice of walkTable(source, table, 0, tableBytes / 8)) {
    for (let index = 0; index < slice.count; index += 1) {
      // Bits 9 to 63 are the offset. Those above 2^53 are far outside any file.
      const offset = Number(slice.entries.readBigUInt64BE(index * 8) & ~0x1ffn);
      if ((slice.entries.readUInt32BE(index * 8 + 4) & 0x1ff) !== 0 && count.isFirst) {
        report('corruption', `entry ${slice.firstIndex + index} of the refcount table has reserved bits`);
      }
      if (offset === 0) continue;
      const place = `the refcount block ${slice.firstIndex + index} at byte ${offset}`;
      if (offset % clusterBytes !== 0) {
        if (count.isFirst) report('corruption', `${place} is not aligned to a cluster`);
      } else if (offset >= source.sizeBytes) {
        if (count.isFirst) report('corruption', `${place} is after the end of the file`);
      } else {
        count.add(offset, clusterBytes, 'a refcount block');
        blocks.push({ offset, firstCluster: (slice.firstIndex + index) * perBlock });
      }
    }
  }
  for (const { offset, firstCluster } of blocks) {
    const cluster = offset / clusterBytes;
    const isCovered = cluster >= count.firstCluster && cluster < count.endCluster;
    if (isCovered && count.referencesOf(cluster) !== 1) {
      report('corruption', `the refcount block at byte ${offset} has ${count.referencesOf(cluster)} references`);
    }
    if (firstCluster >= count.endCluster || firstCluster + perBlock <= count.firstCluster) continue;
    await readBlock(source, { offset, firstCluster, clusterBytes, refcountBits }, count);
  }
}

async function readBlock(
  source: SourceFile,
  {
    offset,
    firstCluster,
    clusterBytes,
    refcountBits,
  }: Record<'offset' | 'firstCluster' | 'clusterBytes' | 'refcountBits', number>,
  count: ReferenceCount,
): Promise<void> {
  // The last block of a file can be incomplete; the rest is zeros.
  const storedBytes = Math.min(clusterBytes, source.sizeBytes - offset);
  const slices = walkTable(source, { offsetBytes: offset, entryBytes: 1, unitBytes: 1 }, 0, storedBytes);
  for await (const { firstIndex, entries } of slices) {
    const first = (firstIndex * 8) / refcountBits;
    const refcounts = (entries.length * 8) / refcountBits;
    for (let index = 0; index < refcounts; index += 1) {
      count.setRefcount(firstCluster + first + index, refcountIn(entries, index, refcountBits));
    }
  }
}

/** Refcounts narrower than a byte start at the lowest bit. */
function refcountIn(bytes: Buffer, index: number, bits: number): number {
  if (bits < 8) return (bytes.readUInt8(Math.floor((index * bits) / 8)) >>> ((index * bits) % 8)) & ((1 << bits) - 1);
  if (bits === 64) return Number(bytes.readBigUInt64BE(index * 8));
  return bytes.readUIntBE((index * bits) / 8, bits / 8);
}
