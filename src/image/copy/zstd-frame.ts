const MAGIC_BYTES = 4;
const BLOCK_HEADER_BYTES = 3;
const CHECKSUM_BYTES = 4;
/** RFC 8878, section 3.1.1.2.2: a run of one byte, which the file stores once whatever the block size. */
const BLOCK_RLE = 1;

/**
 * Returns the length of the Zstandard frame at the start of `bytes` (RFC 8878, section 3.1.1), or of all bytes if the
 * frame is truncated or invalid. qcow2 counts a compressed cluster in sectors, so the frame of the next cluster
 * follows, and a decoder would continue with it.
 */
export function zstdFrameBytes(bytes: Buffer): number {
  const descriptor = bytes[MAGIC_BYTES] ?? 0;
  const isSingleSegment = (descriptor & 0x20) !== 0;
  const windowBytes = isSingleSegment ? 0 : 1;
  const dictionaryIdBytes = [0, 1, 2, 4][descriptor & 3] ?? 0;
  const contentSizeBytes = [isSingleSegment ? 1 : 0, 2, 4, 8][descriptor >> 6] ?? 0;
  let at = MAGIC_BYTES + 1 + windowBytes + dictionaryIdBytes + contentSizeBytes;
  for (let isLast = false; !isLast;) {
    if (at + BLOCK_HEADER_BYTES > bytes.length) return bytes.length;
    const header = bytes.readUIntLE(at, BLOCK_HEADER_BYTES);
    isLast = (header & 1) === 1;
    at += BLOCK_HEADER_BYTES + (((header >> 1) & 3) === BLOCK_RLE ? 1 : header >> 3);
  }
  return Math.min(bytes.length, at + ((descriptor & 4) === 0 ? 0 : CHECKSUM_BYTES));
}
