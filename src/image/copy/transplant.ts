import { compressorMovesGrains } from '../model/encoding.ts';
import { copyBytes } from '../../base/files/copy-bytes.ts';
import { decompress, readStored } from './fill-window.ts';
import { isZero, type PackOptions } from './pack-window.ts';
import { isZlibHeader } from '../vmdk/layout/marker.ts';
import { putGrain } from '../vmdk/layout/marker-writer.ts';
import { SECTOR_BYTES } from '../vmdk/layout/sparse-header.ts';
import type { CompressedPart, CopyWindow, PackedCluster, WindowPart } from '../model/window.ts';

/**
 * A grain of a streamOptimized VMDK and a compressed cluster of a qcow2 are both deflate (RFC 1951), and both have 64 KiB: what stands in the one can stand in the other as it is. So a
 * compressed qcow2 costs no compression, and is smaller than qemu's own, whose deflate window has 4 KiB instead of 32. Another streamOptimized VMDK takes the grain with its zlib
 * header and checksum.
 */

/** RFC 1950: two bytes before the deflate data, an adler32 behind it. */
const ZLIB_HEADER_BYTES = 2;
const ZLIB_TRAILER_BYTES = 4;
/**
 * 64 KiB of zeros deflate to 64 to 128 bytes, or are stored without being deflated, and are longer than a cluster then: what lies between is taken for data when it is not
 * decompressed anyway.
 */
const MOST_ZERO_BYTES = 128;
/** What is not this much shorter than a cluster is stored whole in a qcow2. */
const LEAST_GAIN_BYTES = 512;

export interface Transplanted {
  clusters: PackedCluster[];
  packedBytes: number;
  /** Parts that have to go the long way. */
  rest: WindowPart[];
  /** Clusters among them that the source's own deflate did not shrink. */
  dense: ReadonlySet<number>;
}

/** True when clusters of a source can be moved into what is `packing`. */
export function canTransplant(packing: PackOptions['packing']): boolean {
  return packing === 'grains' || compressorMovesGrains(packing);
}

/**
 * Moves the compressed clusters of a window into `packed` that fit as they are. With `verify` each is decompressed, and so its checksum proved; without, only where the hash
 * of the whole stream is checked elsewhere. `known` is the window's content where it has been had already, and so is proved.
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
 * Splits a window that came from a stream: grains that move into a qcow2 without being decompressed are told where they stand in the window's input, so that no worker is needed for
 * them; `rest` is for {@link transplant}.
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

/** Bytes of the deflate data of a grain that is certain to move; 0 for one that has to be looked into. */
function unseenBytes(window: CopyWindow, part: WindowPart, clusterBytes: number): number {
  if (!part.compressed || !fits(part, part.compressed, clusterBytes)) return 0;
  const stored = readStored(window, part, part.compressed);
  return looksLike(stored, clusterBytes) === 'data' ? payloadOf(stored).length : 0;
}

/** What a grain is by its header and length, without its content being seen; `broken` for what is no zlib stream. */
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

/** The zlib stream; empty for a cluster of zeros; undefined when it has to go the long way, `dense` when that is for its length. */
function movable(
  window: CopyWindow,
  part: WindowPart,
  compressed: CompressedPart,
  { packing, verify }: PackOptions,
  known: Buffer | undefined,
): Buffer | 'dense' | undefined {
  const stored = readStored(window, part, compressed);
  const look = looksLike(stored, compressed.clusterBytes);
  // What does not look like zlib goes the long way, where it is refused.
  if (look === 'broken') return undefined;
  if (look === 'dense' && packing !== 'grains') return 'dense';
  const holdsZeros = known
    ? isZero(known.subarray(part.at, part.at + part.lengthBytes))
    : (verify || look !== 'data') && decompress(window, part, compressed, stored, isZero);
  return holdsZeros ? stored.subarray(0, 0) : stored;
}

/** Returns the bytes that it takes. */
function putPayload(target: Buffer, at: number, stored: Buffer): number {
  const payload = payloadOf(stored);
  copyBytes(payload, target, at);
  return payload.length;
}

/** The deflate data of a zlib stream. */
function payloadOf(stored: Buffer): Buffer {
  return stored.subarray(ZLIB_HEADER_BYTES, stored.length - ZLIB_TRAILER_BYTES);
}
