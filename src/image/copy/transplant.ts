import { decompress, readStored } from './fill-window.ts';
import { isZero } from './pack-window.ts';
import type { CompressedPart, CopyWindow, PackedCluster, WindowPart } from './window.ts';

/**
 * A grain of a streamOptimized VMDK and a compressed cluster of a qcow2 are both deflate (RFC 1951), and both have 64 KiB: what stands in the one can stand in the other as it is. So a
 * compressed qcow2 costs no compression, and is smaller than qemu's own, whose deflate window has 4 KiB instead of 32.
 */

/** RFC 1950: two bytes before the deflate data, an adler32 behind it. */
const ZLIB_HEADER_BYTES = 2;
const ZLIB_TRAILER_BYTES = 4;
/** 64 KiB of zeros deflate to 64 to 128 bytes: so only what is that short can be zeros. */
const MOST_ZERO_BYTES = 128;

export interface Transplanted {
  clusters: PackedCluster[];
  packedBytes: number;
  /** Parts that have to go the long way. */
  rest: WindowPart[];
}

/**
 * Moves the compressed clusters of a window into `packed` that fit as they are. With `verify` each is decompressed, and so its checksum proved; without, only where the hash
 * of the whole stream is checked elsewhere.
 */
export function transplant(window: CopyWindow, packed: Buffer, clusterBytes: number, verify: boolean): Transplanted {
  const clusters: PackedCluster[] = [];
  const rest: WindowPart[] = [];
  let end = 0;
  for (const part of window.parts) {
    const payload =
      part.compressed && fits(part, part.compressed, clusterBytes)
        ? payloadOf(window, part, part.compressed, verify)
        : undefined;
    if (payload === undefined) {
      rest.push(part);
    } else if (payload.length > 0) {
      payload.copy(packed, end);
      clusters.push({ index: part.at / clusterBytes, storedBytes: payload.length, compressed: true });
      end += payload.length;
    }
  }
  return { clusters, packedBytes: end, rest };
}

function fits(part: WindowPart, compressed: CompressedPart, clusterBytes: number): boolean {
  const { codec, exact, markerSector, skipBytes } = compressed;
  const isGrain = codec === 'zlib' && (exact || markerSector !== undefined) && compressed.clusterBytes === clusterBytes;
  return isGrain && skipBytes === 0 && part.lengthBytes === clusterBytes && part.at % clusterBytes === 0;
}

/** The deflate data; empty for a cluster of zeros; undefined when it is too long for a compressed cluster. */
function payloadOf(
  window: CopyWindow,
  part: WindowPart,
  compressed: CompressedPart,
  verify: boolean,
): Buffer | undefined {
  const stored = readStored(window, part, compressed);
  const payload = stored.subarray(ZLIB_HEADER_BYTES, stored.length - ZLIB_TRAILER_BYTES);
  // What does not look like deflate goes the long way, where it is refused.
  if (payload.length > compressed.clusterBytes - 512 || stored.readUInt16BE(0) % 31 !== 0) return undefined;
  if (verify || payload.length <= MOST_ZERO_BYTES) {
    const holdsZeros = decompress(
      part,
      compressed,
      stored,
      (content) => payload.length <= MOST_ZERO_BYTES && isZero(content),
    );
    if (holdsZeros) return payload.subarray(0, 0);
  }
  return payload;
}
