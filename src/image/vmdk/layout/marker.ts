/**
 * Markers, which start each unit of a streamOptimized VMDK and are aligned to a sector. Source: "Virtual Disk Format
 * 5.0", section "Stream-Optimized Compressed Sparse Extents".
 *
 *     0 value u64     8 size u32     12 type u32, or the first byte of a grain's data
 *
 * `size > 0` is a grain: `value` is its first sector on the disk, and `size` the length of the zlib stream at +12,
 * which is padded to a complete sector. `size == 0` is metadata: `value` sectors follow this one, and `type` is their
 * type.
 */
export const MARKER_BYTES = 16;
/** Offset of a grain's zlib stream from its marker. */
export const GRAIN_DATA_OFFSET = 12;

export const MARKER_END_OF_STREAM = 0;
export const MARKER_GRAIN_TABLE = 1;
export const MARKER_GRAIN_DIRECTORY = 2;
export const MARKER_FOOTER = 3;

/** RFC 1950 and 1951: two bytes of header, at least two of deflate data, four of Adler-32. */
export const MIN_GRAIN_DATA_BYTES = 8;

export interface Marker {
  value: number;
  /** 0 for metadata. */
  dataBytes: number;
  /** The type of metadata; meaningless in a grain marker. */
  type: number;
}

/** Reads the marker from the first 16 bytes of `bytes`. A value above 2^53 is inexact, but exceeds every limit. */
export function readMarker(bytes: Uint8Array): Marker {
  return {
    value: readU32(bytes, 0) + readU32(bytes, 4) * 2 ** 32,
    dataBytes: readU32(bytes, 8),
    type: readU32(bytes, 12),
  };
}

/** Reads a little-endian number. */
export function readU32(bytes: Uint8Array, at: number): number {
  return (
    ((bytes[at] ?? 0) | ((bytes[at + 1] ?? 0) << 8) | ((bytes[at + 2] ?? 0) << 16) | ((bytes[at + 3] ?? 0) << 24)) >>> 0
  );
}

/** The constraints that a disk imposes on a grain marker. */
export interface GrainLimits {
  capacitySectors: number;
  grainSectors: number;
  /** The lowest valid sector for the next grain. Grains are in ascending order. */
  nextSector: number;
  maxDataBytes: number;
}

/**
 * The maximum length of one grain's zlib stream. This is zlib's bound for any of its settings (deflateBound: n + n/8 +
 * n/64 + 11), 74,763 for 65,536. Stored blocks, the actual worst case, take 65,562.
 */
export function maxGrainDataBytes(grainBytes: number): number {
  return grainBytes + (grainBytes >> 3) + (grainBytes >> 6) + 11;
}

/** Returns the problem with a grain, or undefined. `bytes` are the 16 bytes of its marker. */
export function grainFault(marker: Marker, bytes: Uint8Array, limits: GrainLimits): string | undefined {
  const { value: sector, dataBytes } = marker;
  if (sector >= limits.capacitySectors) return `a grain at disk sector ${sector} is beyond the capacity`;
  if (sector % limits.grainSectors !== 0) return `a grain at disk sector ${sector} does not start at a grain boundary`;
  if (sector < limits.nextSector) return `a grain at disk sector ${sector} is repeated or out of order`;
  if (dataBytes > limits.maxDataBytes) return `a grain of ${dataBytes} compressed bytes is over ${limits.maxDataBytes}`;
  if (dataBytes < MIN_GRAIN_DATA_BYTES) return `a grain of ${dataBytes} compressed bytes is too short for zlib`;
  return isZlibHeader(bytes[GRAIN_DATA_OFFSET] ?? 0, bytes[GRAIN_DATA_OFFSET + 1] ?? 0)
    ? undefined
    : `a grain's data do not start as a zlib stream`;
}

/** RFC 1950, section 2.2: method 8, a window of at most 32 KiB, valid check bits, and no preset dictionary. */
export function isZlibHeader(cmf: number, flg: number): boolean {
  return (cmf & 0x0f) === 8 && cmf >> 4 <= 7 && ((cmf << 8) | flg) % 31 === 0 && (flg & 0x20) === 0;
}

/**
 * Returns the problem with the marker of a grain that was located through its grain table, or undefined. `markerSector`
 * and `storedBytes` are those of its run. `bytes` are the first 12 bytes of the marker, which contain the exact size of
 * the grain.
 */
export function checkGrainMarker(bytes: Uint8Array, markerSector: number, storedBytes: number): string | undefined {
  const { value: sector, dataBytes } = readMarker(bytes);
  if (sector !== markerSector) return `a grain's marker names sector ${sector}, and its grain table ${markerSector}`;
  if (dataBytes > storedBytes) return `a grain of ${dataBytes} compressed bytes runs into the next one`;
  return dataBytes < MIN_GRAIN_DATA_BYTES
    ? `a grain of ${dataBytes} compressed bytes is too short for zlib`
    : undefined;
}
