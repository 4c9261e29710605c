const POLYNOMIAL = 0x82f6_3b78;

const TABLE = Uint32Array.from({ length: 256 }, (_, byte) => {
  let value = byte;
  for (let bit = 0; bit < 8; bit++) value = (value & 1) === 1 ? (value >>> 1) ^ POLYNOMIAL : value >>> 1;
  return value;
});

/** CRC-32C (Castagnoli, RFC 3720 appendix B.4). The `crc32` of Node's zlib uses a different polynomial. */
export function crc32c(bytes: Uint8Array): number {
  let crc = 0xffff_ffff;
  for (let at = 0; at < bytes.length; at++) crc = (TABLE[(crc ^ (bytes[at] ?? 0)) & 0xff] ?? 0) ^ (crc >>> 8);
  return ~crc >>> 0;
}

/**
 * Returns true if the u32 at byte 4 of a VHDX structure is the CRC-32C of its bytes, with the field itself taken as
 * zeros (MS-VHDX 2.2.2, 2.2.3.1).
 */
export function hasCrc(bytes: Uint8Array): boolean {
  const zeroed = Buffer.from(bytes);
  zeroed.writeUInt32LE(0, 4);
  return crc32c(zeroed) === Buffer.from(bytes.subarray(4, 8)).readUInt32LE(0);
}
