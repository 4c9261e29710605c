/**
 * The SparseExtentHeader, the first sector of a sparse VMDK. A stream that VMware wrote repeats it near the end, as the
 * footer. Source: "Virtual Disk Format 5.0", VMware technical note, section "Hosted Sparse Extent Header".
 *
 *     0 magic u32      4 version u32   8 flags u32       12 capacity u64    20 grainSize u64  28 descriptorOffset u64
 *    36 descriptorSize u64   44 numGTEsPerGT u32         48 rgdOffset u64   56 gdOffset u64   64 overHead u64
 *    72 uncleanShutdown u8   73 four line-end bytes      77 compressAlgorithm u16
 *
 * Little-endian, packed; offsets and sizes count sectors of 512 bytes.
 */
export const SECTOR_BYTES = 512;

/** `KDMV`: the bytes of 0x564d444b in file order. */
export const SPARSE_MAGIC = 0x564d444b;

export const FLAG_LINE_ENDS = 1 << 0;
const FLAG_REDUNDANT_TABLES = 1 << 1;
export const FLAG_COMPRESSED = 1 << 16;
export const FLAG_MARKERS = 1 << 17;
/** `\n`, a space, `\r\n`: they detect a transfer in text mode, which changes line ends. */
export const LINE_ENDS = 0x0a200d0a;

/** 64 TiB in sectors, 2^46 / 2^9. The maximum disk size in vSphere is 62 TiB. */
export const MAX_CAPACITY_SECTORS = 2 ** 37;
/** A grain has 8 sectors (4 KiB, the minimum of the format) to 2048 (1 MiB: 16 times what VMware and qemu write). */
const GRAIN_SECTORS = { min: 8, max: 2048 };
/** The format requires 512 entries per grain table, and qemu accepts no more. */
const MAX_TABLE_ENTRIES = 512;
/** 1 MiB. VMware and qemu reserve 20 sectors, and a descriptor with one extent takes about 600 bytes. */
const MAX_DESCRIPTOR_SECTORS = 2048;
/**
 * The space before the first grain contains two sets of tables, their directories and the descriptor. The tables take 4
 * bytes per grain of at least 4 KiB: at most 2 * 2^46 / 2^12 * 4 = 2^37 bytes. 2^38 bytes, 2^29 sectors, are enough for
 * everything.
 */
const MAX_OVERHEAD_SECTORS = 2 ** 29;
/** RFC 1950; 0 is uncompressed. */
export const COMPRESSION_DEFLATE = 1;

/** Value of gdOffset if the footer contains the offset of the directory. */
export const DIRECTORY_AT_END = 2n ** 64n - 1n;

/**
 * Returns the capacity from the sparse header at the start of `head`, the first bytes of a file. Undefined if there is
 * no sparse header. Checks nothing else.
 */
export function sparseCapacityBytes(head: Uint8Array): number | undefined {
  const view = new DataView(head.buffer, head.byteOffset, head.byteLength);
  if (head.length < 20 || view.getUint32(0, true) !== SPARSE_MAGIC) return undefined;
  const capacity = sectors(view, 12);
  return capacity > 0 && capacity <= MAX_CAPACITY_SECTORS ? capacity * SECTOR_BYTES : undefined;
}

/** The header fields that a reader needs. Names include the units. */
export interface SparseHeader {
  capacitySectors: number;
  grainSectors: number;
  descriptorOffsetSectors: number;
  descriptorSectors: number;
  tableEntries: number;
  /** Undefined for 2^64-1: the grain directory is at the end, and a footer contains its offset. */
  directoryOffsetSectors: number | undefined;
  /** The lowest valid sector for the first grain. */
  overheadSectors: number;
  redundantTables: boolean;
  /** Grains are zlib streams. */
  compressed: boolean;
  /** Grains and tables have markers. */
  markers: boolean;
  compressionAlgorithm: number;
}

/**
 * Parses the header from 512 bytes. `refuse` receives the problem and must throw; it knows the file and the offset.
 * {@link checkStreamKind} and {@link checkPlainKind} check how the grains are stored.
 */
export function parseSparseHeader(bytes: Uint8Array, refuse: (what: string) => never): SparseHeader {
  const view = new DataView(bytes.buffer, bytes.byteOffset, SECTOR_BYTES);
  if (view.getUint32(0, true) !== SPARSE_MAGIC) refuse('the magic number of the header is missing');
  const version = view.getUint32(4, true);
  if (version < 1 || version > 3) refuse(`version ${version} is unknown (1 to 3 are known)`);
  const flags = view.getUint32(8, true);
  if ((flags & FLAG_LINE_ENDS) !== 0 && view.getUint32(73, false) !== LINE_ENDS) {
    refuse('its line-end bytes were changed, probably by a transfer in text mode');
  }
  const directory = view.getBigUint64(56, true);
  const header: SparseHeader = {
    capacitySectors: sectors(view, 12),
    grainSectors: sectors(view, 20),
    descriptorOffsetSectors: sectors(view, 28),
    descriptorSectors: sectors(view, 36),
    tableEntries: view.getUint32(44, true),
    directoryOffsetSectors: directory === DIRECTORY_AT_END ? undefined : Number(directory),
    overheadSectors: sectors(view, 64),
    redundantTables: (flags & FLAG_REDUNDANT_TABLES) !== 0,
    compressed: (flags & FLAG_COMPRESSED) !== 0,
    markers: (flags & FLAG_MARKERS) !== 0,
    compressionAlgorithm: view.getUint16(77, true),
  };
  checkLimits(header, refuse);
  return header;
}

/** Parses the footer of a stream. It repeats the header, and may differ from it only in the offset of the directory. */
export function parseFooter(bytes: Uint8Array, header: SparseHeader, refuse: (what: string) => never): SparseHeader {
  const footer = parseSparseHeader(bytes, refuse);
  checkStreamKind(footer, refuse);
  const { capacitySectors, grainSectors, tableEntries } = header;
  if (footer.capacitySectors !== capacitySectors) {
    refuse(`the capacity is ${footer.capacitySectors} sectors, but ${capacitySectors} in its header`);
  }
  if (footer.grainSectors !== grainSectors || footer.tableEntries !== tableEntries) {
    refuse('the sizes of grains and grain tables are not those of its header');
  }
  return footer;
}

/** Rejects a file whose grains are not compressed with markers. */
export function checkStreamKind(header: SparseHeader, refuse: (what: string) => never): void {
  if (!header.compressed) refuse('its flags say that grains are not compressed');
  if (!header.markers) refuse('its flags say that grains have no markers');
  const { compressionAlgorithm } = header;
  if (compressionAlgorithm !== COMPRESSION_DEFLATE) refuse(`compression algorithm ${compressionAlgorithm} is unknown`);
}

/** Rejects an uncompressed file with inconsistent fields: the flags and the algorithm must agree. */
export function checkPlainKind(header: SparseHeader, refuse: (what: string) => never): void {
  if (header.markers) refuse('its flags say that grains have markers and are not compressed');
  const { compressionAlgorithm } = header;
  if (compressionAlgorithm !== 0) {
    refuse(`its flags say that grains are not compressed, and it names compression algorithm ${compressionAlgorithm}`);
  }
}

function checkLimits(header: SparseHeader, refuse: (what: string) => never): void {
  const { capacitySectors, grainSectors, tableEntries, descriptorSectors, overheadSectors } = header;
  if (capacitySectors < 1) refuse('its capacity is zero');
  if (capacitySectors > MAX_CAPACITY_SECTORS) refuse(`its capacity of ${capacitySectors} sectors is over 64 TiB`);
  // log2 is exact for powers of two in this range.
  if (grainSectors < GRAIN_SECTORS.min || grainSectors > GRAIN_SECTORS.max || Math.log2(grainSectors) % 1 !== 0) {
    refuse(`a grain size of ${grainSectors} sectors is not a power of two from 8 to 2048`);
  }
  if (tableEntries < 1 || tableEntries > MAX_TABLE_ENTRIES)
    refuse(`a grain table of ${tableEntries} entries is not 1 to 512`);
  if (descriptorSectors > MAX_DESCRIPTOR_SECTORS) refuse(`a descriptor of ${descriptorSectors} sectors is over 1 MiB`);
  if (overheadSectors < 1 || overheadSectors > MAX_OVERHEAD_SECTORS) {
    refuse(`${overheadSectors} sectors before the first grain are invalid`);
  }
  if (header.directoryOffsetSectors === 0) refuse('its grain directory would overlap the header');
}

/** Above 2^53 the number is inexact, but exceeds every limit. */
function sectors(view: DataView, at: number): number {
  return Number(view.getBigUint64(at, true));
}
