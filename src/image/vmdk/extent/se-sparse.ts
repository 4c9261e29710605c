/**
 * seSparse: the space-efficient sparse extent of ESXi, used for snapshots since VMFS 6 and of disks over 2 TiB
 * (descriptor type SESPARSE). VMware has not published the format. Source: what QEMU's reader (block/vmdk.c) accepts.
 * All fields are u64, little-endian; offsets and sizes count sectors.
 *
 *     0 magic           8 version          16 capacity          24 grainSize        32 grainTableSize    40 flags
 *    80 volatileHeaderOffset   128 grainDirectoryOffset   136 grainDirectorySize   144 grainTablesOffset   192 grainsOffset
 *
 * The volatile header: 0 magic, 8 freeTableNumber, 16 nextTransaction, 24 replayJournal.
 *
 * A directory entry is 0, or has 0x10000000 in its upper half and the table number in its lower half. A table entry has
 * its type in the top four bits: 0 absent, 1 unmapped by the guest, 2 zeros, 3 a grain. The lowest 12 bits of the grain
 * number are in bits 48 to 59, the others in bits 0 to 47.
 */
import type { SourceFile } from '../../file/source-file.ts';
import { MAX_CAPACITY_SECTORS, SECTOR_BYTES } from '../layout/sparse-header.ts';
import { ENTRY_ABSENT, ENTRY_UNKNOWN, ENTRY_ZERO, requireDirectory, type SparseLayout } from './sparse-layout.ts';

/** The lower half of the magic number; the upper half is 0. */
export const SE_SPARSE_MAGIC = 0xcafe_babe;
const VOLATILE_MAGIC = 0xcafe_cafen;
const VERSION = 0x2_0000_0001n;
/**
 * The only sizes in use: grains of 4 KiB, and tables of 32 KiB. A table has 4,096 entries of 8 bytes and covers 16 MiB
 * of the disk.
 */
const GRAIN_SECTORS = 8;
const TABLE_SECTORS = 64;
const ENTRY_BYTES = 8;
const TABLE_ENTRIES = (TABLE_SECTORS * SECTOR_BYTES) / ENTRY_BYTES;
const DIRECTORY_FIELD = 128;

/**
 * Reads the headers of a seSparse extent and returns its layout.
 * @throws Hyper2kvmError kind `image`.
 */
export async function readSeSparse(source: SourceFile): Promise<SparseLayout> {
  const header = await source.read(0, SECTOR_BYTES, 'its header');
  const field = (at: number): number => Number(header.readBigUInt64LE(at));
  checkKind(source, header);
  const capacitySectors = field(16);
  if (capacitySectors === 0) throw source.fault(16, 'its capacity is zero');
  if (capacitySectors > MAX_CAPACITY_SECTORS) {
    throw source.fault(16, `its capacity of ${capacitySectors} sectors is over 64 TiB`);
  }
  await checkVolatileHeader(source, field(80) * SECTOR_BYTES);
  const needed = Math.ceil(capacitySectors / (GRAIN_SECTORS * TABLE_ENTRIES));
  const entries = (field(136) * SECTOR_BYTES) / ENTRY_BYTES;
  if (entries < needed) throw source.fault(136, `its grain directory has ${entries} entries, and needs ${needed}`);
  const [tablesSector, grainsSector] = [field(144), field(192)];
  const layout: SparseLayout = {
    capacityBytes: capacitySectors * SECTOR_BYTES,
    grainBytes: GRAIN_SECTORS * SECTOR_BYTES,
    entryBytes: ENTRY_BYTES,
    tableEntries: TABLE_ENTRIES,
    directoryOffsetBytes: field(DIRECTORY_FIELD) * SECTOR_BYTES,
    compressed: false,
    tableOffsetBytes: (low, high) => {
      if (high === 0x1000_0000) return (tablesSector + low * TABLE_SECTORS) * SECTOR_BYTES;
      return low === 0 && high === 0 ? ENTRY_ABSENT : ENTRY_UNKNOWN;
    },
    grainOffsetBytes: (low, high) => grainPlace(low, high, grainsSector),
  };
  requireDirectory(source, layout, DIRECTORY_FIELD);
  return layout;
}

function checkKind(source: SourceFile, header: Buffer): void {
  const expected: [number, bigint, string][] = [
    [0, BigInt(SE_SPARSE_MAGIC), 'magic number'],
    [8, VERSION, 'version'],
    [24, BigInt(GRAIN_SECTORS), 'grain size'],
    [32, BigInt(TABLE_SECTORS), 'grain table size'],
    // No flag is known, and an unknown one could change the meaning of any field.
    [40, 0n, 'set of flags'],
  ];
  for (const [at, value, what] of expected) {
    const found = header.readBigUInt64LE(at);
    if (found !== value) throw source.fault(at, `the ${what} 0x${found.toString(16)} is unknown`);
  }
}

/** A host that crashes during a write leaves entries in the journal that are not yet in the tables. */
async function checkVolatileHeader(source: SourceFile, offsetBytes: number): Promise<void> {
  source.requireInside(offsetBytes, SECTOR_BYTES, 'its volatile header', 80);
  const header = await source.read(offsetBytes, SECTOR_BYTES, 'its volatile header');
  if (header.readBigUInt64LE(0) !== VOLATILE_MAGIC)
    throw source.fault(offsetBytes, 'its volatile header has the wrong magic number');
  if (header.readBigUInt64LE(24) !== 0n) {
    throw source.fault(
      offsetBytes + 24,
      'it was not closed cleanly, and its journal has not been replayed',
      'Start and stop the VM on its host, or consolidate the disk there, and copy it again.',
    );
  }
}

function grainPlace(low: number, high: number, grainsSector: number): number {
  switch (high >>> 28) {
    case 0:
      return low === 0 && high === 0 ? ENTRY_ABSENT : ENTRY_UNKNOWN;
    case 1:
    case 2:
      return ENTRY_ZERO;
    case 3: {
      // Above 2^53 the sum is inexact, but such an offset is far beyond the end of any file.
      const upper = (high & 0xffff) * 2 ** 32 + low;
      const number = upper * 4096 + ((high >>> 16) & 0xfff);
      return (grainsSector + number * GRAIN_SECTORS) * SECTOR_BYTES;
    }
    default:
      return ENTRY_UNKNOWN;
  }
}
