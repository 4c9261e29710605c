import { compressorMovesGrains } from '../model/encoding.ts';
import { copyBytes } from '../../base/files/copy-bytes.ts';
import { decompress, readStored } from './fill-window.ts';
import { isZero, type PackOptions } from './pack-window.ts';
import { isZlibHeader } from '../vmdk/layout/marker.ts';
import { putGrain } from '../vmdk/layout/marker-writer.ts';
import { SECTOR_BYTES } from '../vmdk/layout/sparse-header.ts';
import type { CompressedPart, CopyWindow, PackedCluster, WindowPart } from '../model/window.ts';

/**
 * A grain of a streamOptimized VMDK and a compressed cluster of a qcow2 are both deflate data (RFC 1951) of 64 KiB. A
 * grain can therefore be stored in a qcow2 unchanged. Such a qcow2 needs no compression, and is smaller than one from
 * qemu-img, whose deflate window is 4 KiB instead of 32 KiB. Another streamOptimized VMDK takes the grain including its
 * zlib header and checksum.
 */

/** RFC 1950: two bytes before the deflate data, and an Adler-32 checksum after it. */
const ZLIB_HEADER_BYTES = 2;
const ZLIB_TRAILER_BYTES = 4;
/**
 * 64 KiB of zeros deflate to 64 to 128 bytes; stored without compression, they are longer than a cluster. Anything in
 * between is assumed to be data, unless it is decompressed for another reason.
 */
const MOST_ZERO_BYTES = 128;
/** A cluster that does not shrink by at least this much is stored uncompressed in a qcow2. */
const LEAST_GAIN_BYTES = 512;

export interface Transplanted {
  clusters: PackedCluster[];
  packedBytes: number;
  /** Parts that must be decompressed and packed. */
  rest: WindowPart[];
  /** Clusters among `rest` that the source's own deflate did not shrink. */
  dense: ReadonlySet<number>;
}

/** Returns true if source clusters can be moved into an image with this `packing`. */
export function canTransplant(packing: PackOptions['packing']): boolean {
  return packing === 'grains' || compressorMovesGrains(packing);
}

/**
 * Moves the compressed clusters of a window that fit unchanged into `packed`. With `verify`, each one is decompressed
 * to check its checksum. Callers may omit it only if the hash of the complete stream is verified elsewhere.
 * `known` is the content of the window if it is already decompressed, and therefore verified.
 */
export function transplant(window: CopyWindow, packed: Buffer, options: PackOptions, known?: Buffer): Transplanted {
  const { clusterBytes, packing } = options;
  const clusters: PackedCluster[] = [];
  const rest: WindowPart[] = [];
  const dense = new Set<number>();
  let end = 0;
  for (const part of window.parts) {
    const stored =
      part.compressed && fits(part, part.compressed, clusterBytes)
        ? movable(window, part, part.compressed, options, known)
        : undefined;
    if (stored === undefined || stored === 'dense') {
      rest.push(part);
      if (stored === 'dense') dense.add(part.at / clusterBytes);
    } else if (stored.length > 0) {
      const storedBytes =
        packing === 'grains'
          ? putGrain(packed, end, (window.offsetBytes + part.at) / SECTOR_BYTES, stored)
          : putPayload(packed, end, stored);
      clusters.push({ index: part.at / clusterBytes, at: end, storedBytes, compressed: true });
      end += storedBytes;
    }
  }
  return { clusters, packedBytes: end, rest, dense };
}

/**
 * Splits a window that came from a stream. Grains that move into a qcow2 without decompression are returned with their
 * offsets in the window's input, so that they need no worker. `rest` is the input for {@link transplant}.
 */
export function splitUnseen(
  window: CopyWindow,
  { packing, verify, clusterBytes }: PackOptions,
): { moved: PackedCluster[]; rest: WindowPart[] } {
  const { input, parts } = window;
  if (input === undefined || packing === 'grains' || !compressorMovesGrains(packing) || verify)
    return { moved: [], rest: parts };
  const moved: PackedCluster[] = [];
  const rest: WindowPart[] = [];
  for (const part of parts) {
    const storedBytes = unseenBytes(window, part, clusterBytes);
    const at = part.fileOffsetBytes + ZLIB_HEADER_BYTES;
    if (storedBytes === 0) rest.push(part);
    else moved.push({ index: part.at / clusterBytes, at, storedBytes, compressed: true });
  }
  return { moved, rest };
}

/** Returns the length of a grain's deflate data if the grain is certain to move, or 0 if it must be examined. */
function unseenBytes(window: CopyWindow, part: WindowPart, clusterBytes: number): number {
  if (!part.compressed || !fits(part, part.compressed, clusterBytes)) return 0;
  const stored = readStored(window, part, part.compressed);
  return looksLike(stored, clusterBytes) === 'data' ? payloadOf(stored).length : 0;
}

/**
 * Classifies a grain by its header and length, without decompressing it. `broken` means that it is not a zlib stream.
 */
function looksLike(stored: Buffer, clusterBytes: number): 'broken' | 'dense' | 'zeros' | 'data' {
  if (!isZlibHeader(stored[0] ?? 0, stored[1] ?? 0)) return 'broken';
  const payloadBytes = payloadOf(stored).length;
  if (payloadBytes > clusterBytes - LEAST_GAIN_BYTES) return 'dense';
  return payloadBytes <= MOST_ZERO_BYTES ? 'zeros' : 'data';
}

function fits(part: WindowPart, compressed: CompressedPart, clusterBytes: number): boolean {
  const { codec, exact, markerSector, skipBytes } = compressed;
  const isGrain = codec === 'zlib' && (exact || markerSector !== undefined) && compressed.clusterBytes === clusterBytes;
  return isGrain && skipBytes === 0 && part.lengthBytes === clusterBytes && part.at % clusterBytes === 0;
}

/**
 * Returns the zlib stream, or an empty one for a cluster of zeros. Returns undefined if the cluster must be
 * decompressed and packed, or `dense` if its length is the reason.
 */
function movable(
  window: CopyWindow,
  part: WindowPart,
  compressed: CompressedPart,
  { packing, verify }: PackOptions,
  known: Buffer | undefined,
): Buffer | 'dense' | undefined {
  const stored = readStored(window, part, compressed);
  const look = looksLike(stored, compressed.clusterBytes);
  // Data that does not look like zlib is decompressed, which reports the error.
  if (look === 'broken') return undefined;
  if (look === 'dense' && packing !== 'grains') return 'dense';
  const holdsZeros = known
    ? isZero(known.subarray(part.at, part.at + part.lengthBytes))
    : (verify || look !== 'data') && decompress(window, part, compressed, stored, isZero);
  return holdsZeros ? stored.subarray(0, 0) : stored;
}

/** Returns the number of bytes used. */
function putPayload(target: Buffer, at: number, stored: Buffer): number {
  const payload = payloadOf(stored);
  copyBytes(payload, target, at);
  return payload.length;
}

/** Returns the deflate data of a zlib stream. */
function payloadOf(stored: Buffer): Buffer {
  return stored.subarray(ZLIB_HEADER_BYTES, stored.length - ZLIB_TRAILER_BYTES);
}
