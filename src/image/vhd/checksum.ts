/** True when the u32 at `checksumAt` is "the one's complement of the sum of all the bytes" of a footer or header, itself left out. */
export function hasChecksum(bytes: Buffer, checksumAt: number): boolean {
  let sum = 0;
  for (const [at, byte] of bytes.entries()) {
    if (at < checksumAt || at >= checksumAt + 4) sum += byte;
  }
  return ~sum >>> 0 === bytes.readUInt32BE(checksumAt);
}
