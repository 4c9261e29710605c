export interface Qcow2Header {
  clusterBits: number;
  /** A multiple of 512. */
  virtualSizeBytes: number;
  l1Entries: number;
  l1OffsetBytes: number;
  refcountTableOffsetBytes: number;
  refcountTableClusters: number;
  zstd: boolean;
}

const MAGIC = 0x51_46_49_fb;
/** Incompatible feature bit 3: byte 104 specifies the compression type. */
const COMPRESSION_TYPE = 1n << 3n;
const ZSTD = 1;
const HEADER_BYTES = 112;

/**
 * Encodes the header of a version 3 image (qemu's docs/interop/qcow2.txt) and the end marker of its empty list of
 * extensions.
 */
export function encodeHeader(header: Qcow2Header): Buffer {
  const bytes = Buffer.alloc(HEADER_BYTES + 8);
  bytes.writeUInt32BE(MAGIC, 0);
  bytes.writeUInt32BE(3, 4);
  bytes.writeUInt32BE(header.clusterBits, 20);
  bytes.writeBigUInt64BE(BigInt(header.virtualSizeBytes), 24);
  bytes.writeUInt32BE(header.l1Entries, 36);
  bytes.writeBigUInt64BE(BigInt(header.l1OffsetBytes), 40);
  bytes.writeBigUInt64BE(BigInt(header.refcountTableOffsetBytes), 48);
  bytes.writeUInt32BE(header.refcountTableClusters, 56);
  bytes.writeBigUInt64BE(header.zstd ? COMPRESSION_TYPE : 0n, 72);
  // Refcounts have 2^4 bits.
  bytes.writeUInt32BE(4, 96);
  bytes.writeUInt32BE(HEADER_BYTES, 100);
  bytes.writeUInt8(header.zstd ? ZSTD : 0, 104);
  return bytes;
}
