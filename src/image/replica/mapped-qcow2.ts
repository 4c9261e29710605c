import type { FileHandle } from 'node:fs/promises';
import { writeFully } from '../../base/files/direct-io.ts';
import { encodeHeader } from '../qcow2/header-writer.ts';

/**
 * A qcow2 image in which every cluster is mapped in advance. The metadata is at the start, and the clusters follow in
 * the order of the disk. Each byte of the disk therefore has a fixed place in the file, and clusters that were never
 * written are holes of the file.
 *
 *     header | L1 table | refcount table | refcount blocks | L2 tables | cluster 0 | cluster 1 | ...
 */
export interface MappedLayout {
  l1Entries: number;
  l1Clusters: number;
  refcountTableClusters: number;
  refcountBlocks: number;
  /** Offset of the first byte of the disk in the file. */
  dataOffsetBytes: number;
  dataClusters: number;
  fileBytes: number;
}

const CLUSTER_BITS = 16;
const CLUSTER_BYTES = 2 ** CLUSTER_BITS;
const ENTRY_BYTES = 8;
const ENTRIES_PER_TABLE = CLUSTER_BYTES / ENTRY_BYTES;
/** Refcounts have 16 bits. */
const COUNTS_PER_BLOCK = CLUSTER_BYTES / 2;
/** Set in entries of clusters whose refcount is exactly one (qemu's docs/interop/qcow2.txt). */
const COPIED = 1n << 63n;
const HEADER_CLUSTERS = 1;

/** The layout for a disk of this size. All offsets follow from it. */
export function mappedLayout(virtualSizeBytes: number): MappedLayout {
  const dataClusters = Math.ceil(virtualSizeBytes / CLUSTER_BYTES);
  const l1Entries = Math.ceil(dataClusters / ENTRIES_PER_TABLE);
  const l1Clusters = Math.ceil((l1Entries * ENTRY_BYTES) / CLUSTER_BYTES);
  const others = HEADER_CLUSTERS + l1Clusters + l1Entries + dataClusters;
  let refcountBlocks = 0;
  let refcountTableClusters = 0;
  // The refcount structures count themselves too.
  for (;;) {
    const blocks = Math.ceil((others + refcountBlocks + refcountTableClusters) / COUNTS_PER_BLOCK);
    const tableClusters = Math.ceil((blocks * ENTRY_BYTES) / CLUSTER_BYTES);
    if (blocks === refcountBlocks && tableClusters === refcountTableClusters) break;
    refcountBlocks = blocks;
    refcountTableClusters = tableClusters;
  }
  const frontClusters = HEADER_CLUSTERS + l1Clusters + refcountTableClusters + refcountBlocks + l1Entries;
  return {
    l1Entries,
    l1Clusters,
    refcountTableClusters,
    refcountBlocks,
    dataOffsetBytes: frontClusters * CLUSTER_BYTES,
    dataClusters,
    fileBytes: (frontClusters + dataClusters) * CLUSTER_BYTES,
  };
}

/** Writes the metadata, one cluster at a time, into an empty file, and sets its size. */
export async function writeMetadata(handle: FileHandle, virtualSizeBytes: number): Promise<void> {
  const layout = mappedLayout(virtualSizeBytes);
  await handle.truncate(layout.fileBytes);
  await writeFully(handle, headerOf(layout, virtualSizeBytes), 0);
  let cluster = HEADER_CLUSTERS;
  for (const bytes of metadataClusters(layout)) {
    await writeFully(handle, bytes, cluster * CLUSTER_BYTES);
    cluster += 1;
  }
}

/**
 * Returns true if the metadata of a file is the one that {@link writeMetadata} writes. Another program that opened the
 * image for writing may have moved clusters.
 */
export async function hasMappedMetadata(handle: FileHandle, virtualSizeBytes: number): Promise<boolean> {
  const layout = mappedLayout(virtualSizeBytes);
  if (!(await hasMappedHeader(handle, virtualSizeBytes))) return false;
  const found = Buffer.alloc(CLUSTER_BYTES);
  let cluster = HEADER_CLUSTERS;
  for (const expected of metadataClusters(layout)) {
    await handle.read(found, 0, CLUSTER_BYTES, cluster * CLUSTER_BYTES);
    if (!found.equals(expected)) return false;
    cluster += 1;
  }
  return true;
}

/** The fields that decide where data is, without extensions, which other programs add. */
const COMPARED_BYTES = 80;

/** Like {@link hasMappedMetadata}, for the header only. The cost does not depend on the size of the disk. */
export async function hasMappedHeader(handle: FileHandle, virtualSizeBytes: number): Promise<boolean> {
  const layout = mappedLayout(virtualSizeBytes);
  const found = Buffer.alloc(COMPARED_BYTES);
  await handle.read(found, 0, COMPARED_BYTES, 0);
  const { size } = await handle.stat();
  return size >= layout.fileBytes && found.equals(headerOf(layout, virtualSizeBytes).subarray(0, COMPARED_BYTES));
}

function headerOf(layout: MappedLayout, virtualSizeBytes: number): Buffer {
  return encodeHeader({
    clusterBits: CLUSTER_BITS,
    virtualSizeBytes,
    l1Entries: layout.l1Entries,
    l1OffsetBytes: HEADER_CLUSTERS * CLUSTER_BYTES,
    refcountTableOffsetBytes: (HEADER_CLUSTERS + layout.l1Clusters) * CLUSTER_BYTES,
    refcountTableClusters: layout.refcountTableClusters,
    zstd: false,
  });
}

/** All clusters of the metadata after the header, in order. Each one is valid until the next one is taken. */
function* metadataClusters(layout: MappedLayout): Generator<Buffer, void, undefined> {
  const { l1Entries, l1Clusters, refcountTableClusters, refcountBlocks, dataClusters, dataOffsetBytes } = layout;
  const blocksAt = HEADER_CLUSTERS + l1Clusters + refcountTableClusters;
  const tablesAt = blocksAt + refcountBlocks;
  yield* tables(l1Clusters, l1Entries, (index) => COPIED | BigInt((tablesAt + index) * CLUSTER_BYTES));
  yield* tables(refcountTableClusters, refcountBlocks, (index) => BigInt((blocksAt + index) * CLUSTER_BYTES));
  const clusters = dataOffsetBytes / CLUSTER_BYTES + dataClusters;
  const counts = Buffer.alloc(CLUSTER_BYTES);
  for (let block = 0; block < refcountBlocks; block += 1) {
    counts.fill(0);
    const counted = Math.min(COUNTS_PER_BLOCK, clusters - block * COUNTS_PER_BLOCK);
    for (let index = 0; index < counted; index += 1) counts.writeUInt16BE(1, index * 2);
    yield counts;
  }
  yield* tables(l1Entries, dataClusters, (index) => COPIED | BigInt(dataOffsetBytes + index * CLUSTER_BYTES));
}

/** `count` clusters of 64-bit entries, of which the first `entries` are used. */
function* tables(
  count: number,
  entries: number,
  entryOf: (index: number) => bigint,
): Generator<Buffer, void, undefined> {
  const bytes = Buffer.alloc(CLUSTER_BYTES);
  for (let table = 0; table < count; table += 1) {
    bytes.fill(0);
    const first = table * ENTRIES_PER_TABLE;
    const last = Math.min(first + ENTRIES_PER_TABLE, entries);
    for (let index = first; index < last; index += 1) {
      bytes.writeBigUInt64BE(entryOf(index), (index - first) * ENTRY_BYTES);
    }
    yield bytes;
  }
}
