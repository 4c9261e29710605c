/**
 * COWD: the sparse extent of ESX, used for snapshots on VMFS (descriptor type VMFSSPARSE). Source: "Virtual Disk Format
 * 1.1", VMware technical note, section "ESX Server Sparse Extent Header".
 *
 *     0 magic u32       4 version u32    8 flags u32      12 numSectors u32    16 grainSize u32
 *    20 gdOffset u32   24 numGDEntries u32   28 freeSector u32   (a reader does not need the rest of the 2,048 bytes)
 *
 * Little-endian; offsets and sizes count sectors. A grain is usually one sector. Entries have 4 bytes; 0 means that the
 * parent supplies the grain.
 */
import type { SourceFile } from '../../file/source-file.ts';
import { readU32 } from '../layout/marker.ts';
import { SECTOR_BYTES } from '../layout/sparse-header.ts';
import { ENTRY_ABSENT, ENTRY_UNKNOWN, requireDirectory, type SparseLayout } from './sparse-layout.ts';

/** `COWD` in file byte order. */
export const COWD_MAGIC = 0x44574f43;
const HEADER_SECTORS = 4;
const HEADER_BYTES = HEADER_SECTORS * SECTOR_BYTES;
/** Fixed by the format: a table of 16 KiB covers 2 MiB of the disk, with grains of one sector. */
const TABLE_ENTRIES = 4096;
/** 1 MiB, as for hosted extents. ESX writes grains of one sector. */
const MAX_GRAIN_SECTORS = 2048;
const DIRECTORY_FIELD = 20;

/**
 * Reads the header of a COWD extent and returns its layout.
 * @throws Hyper2kvmError kind `image`.
 */
export async function readCowd(source: SourceFile): Promise<SparseLayout> {
  const header = await source.read(0, HEADER_BYTES, 'its header');
  const field = (at: number): number => readU32(header, at);
  if (field(4) !== 1) throw source.fault(4, `COWD version ${field(4)} is not supported (only 1 is)`);
  const [capacitySectors, grainSectors, directorySector, entries] = [field(12), field(16), field(20), field(24)];
  if (capacitySectors === 0) throw source.fault(12, 'its capacity is zero');
  // log2 is exact for powers of two in this range, and not an integer for 0.
  if (grainSectors > MAX_GRAIN_SECTORS || Math.log2(grainSectors) % 1 !== 0) {
    throw source.fault(
      16,
      `a grain size of ${grainSectors} sectors is not a power of two from 1 to ${MAX_GRAIN_SECTORS}`,
    );
  }
  const needed = Math.ceil(capacitySectors / (grainSectors * TABLE_ENTRIES));
  if (entries < needed) throw source.fault(24, `its grain directory has ${entries} entries, and needs ${needed}`);
  const layout: SparseLayout = {
    capacityBytes: capacitySectors * SECTOR_BYTES,
    grainBytes: grainSectors * SECTOR_BYTES,
    entryBytes: 4,
    tableEntries: TABLE_ENTRIES,
    directoryOffsetBytes: directorySector * SECTOR_BYTES,
    compressed: false,
    tableOffsetBytes: placeOf,
    grainOffsetBytes: placeOf,
  };
  requireDirectory(source, layout, DIRECTORY_FIELD);
  return layout;
}

/** COWD has no zeroed grains. Sectors 1 to 3 belong to the header, so no grain or table can be there. */
function placeOf(sector: number): number {
  if (sector === 0) return ENTRY_ABSENT;
  return sector < HEADER_SECTORS ? ENTRY_UNKNOWN : sector * SECTOR_BYTES;
}
