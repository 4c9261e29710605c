import type { SourceFile } from '../file/source-file.ts';

/**
 * The fields of a qcow2 header that only a check needs. Source: qemu's docs/interop/qcow2.txt.
 *
 *    48 refcount_table_offset u64   56 refcount_table_clusters u32   60 nb_snapshots u32   64 snapshots_offset u64
 *    version 3:  72 incompatible_features u64   88 autoclear_features u64   96 refcount_order u32   100 header_length u32
 */
export interface RefcountHeader {
  tableOffsetBytes: number;
  tableClusters: number;
  /** Width of a refcount: 1 to 64. */
  refcountBits: number;
  snapshots: number;
  snapshotsOffsetBytes: number;
  /** The image was not closed cleanly, so its refcounts may be too low or too high. */
  isDirty: boolean;
  /** Bitmaps are valid, and their clusters are in use. */
  bitmaps: { count: number; directoryOffsetBytes: number; directoryBytes: number } | undefined;
}

const DIRTY = 1n;
const BITMAPS_VALID = 1n;
const BITMAPS_EXTENSION = 0x23_85_28_75;
/** 2^6 bits, the maximum of the format. */
const MAX_REFCOUNT_ORDER = 6;
/** qemu's limits (QCOW_MAX_REFTABLE_SIZE, QCOW_MAX_SNAPSHOTS, QCOW2_MAX_BITMAPS). */
const MAX_TABLE_BYTES = 8 * 2 ** 20;
const MAX_SNAPSHOTS = 65536;
const MAX_BITMAPS = 65535;
const MAX_DIRECTORY_BYTES = 2 ** 26;

/** Reads and checks the fields. `readQcow2Header` has accepted the rest of the header. */
export async function readRefcountHeader(
  source: SourceFile,
  { version, clusterBytes }: { version: 2 | 3; clusterBytes: number },
): Promise<RefcountHeader> {
  const head = await source.read(0, version === 2 ? 72 : 104, 'its header');
  const tableOffsetBytes = Number(head.readBigUInt64BE(48));
  const tableClusters = head.readUInt32BE(56);
  if (tableClusters * clusterBytes > MAX_TABLE_BYTES) {
    throw source.fault(56, `a refcount table of ${tableClusters} clusters is over 8 MiB`);
  }
  if (tableOffsetBytes % clusterBytes !== 0) {
    throw source.fault(48, `its refcount table at byte ${tableOffsetBytes} is not aligned to a cluster`);
  }
  source.requireInside(tableOffsetBytes, tableClusters * clusterBytes, 'its refcount table', 48);
  const order = version === 2 ? 4 : head.readUInt32BE(96);
  if (order > MAX_REFCOUNT_ORDER) throw source.fault(96, `refcounts of 2^${order} bits are not supported`);
  const snapshots = head.readUInt32BE(60);
  if (snapshots > MAX_SNAPSHOTS) throw source.fault(60, `${snapshots} internal snapshots are over the limit of 65536`);
  const features = version === 2 ? 0n : head.readBigUInt64BE(72);
  const autoclear = version === 2 ? 0n : head.readBigUInt64BE(88);
  const headerBytes = version === 2 ? 72 : head.readUInt32BE(100);
  return {
    tableOffsetBytes,
    tableClusters,
    refcountBits: 2 ** order,
    snapshots,
    snapshotsOffsetBytes: Number(head.readBigUInt64BE(64)),
    isDirty: (features & DIRTY) !== 0n,
    bitmaps: (autoclear & BITMAPS_VALID) === 0n ? undefined : await readBitmaps(source, headerBytes, clusterBytes),
  };
}

async function readBitmaps(
  source: SourceFile,
  startBytes: number,
  clusterBytes: number,
): Promise<RefcountHeader['bitmaps']> {
  // An extension has at least 8 bytes, so the loop ends within the first cluster.
  for (let at = startBytes; at + 8 <= Math.min(clusterBytes, source.sizeBytes);) {
    const head = await source.read(at, 8, 'a header extension');
    const [type, lengthBytes] = [head.readUInt32BE(0), head.readUInt32BE(4)];
    if (type === 0) return undefined;
    if (type === BITMAPS_EXTENSION) {
      const bytes = await source.read(at + 8, 24, 'its bitmaps extension');
      const count = bytes.readUInt32BE(0);
      const directoryBytes = Number(bytes.readBigUInt64BE(8));
      const directoryOffsetBytes = Number(bytes.readBigUInt64BE(16));
      if (count > MAX_BITMAPS || directoryBytes > MAX_DIRECTORY_BYTES) {
        throw source.fault(at, `a directory of ${count} bitmaps in ${directoryBytes} bytes is over the limit`);
      }
      source.requireInside(directoryOffsetBytes, directoryBytes, 'its bitmap directory', at + 24);
      return { count, directoryOffsetBytes, directoryBytes };
    }
    at += 8 + Math.ceil(lengthBytes / 8) * 8;
  }
  return undefined;
}
