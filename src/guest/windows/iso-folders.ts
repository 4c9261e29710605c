/** Reads into `bytes` from `offset` on, and returns the number of bytes read. */
type ReadAt = (bytes: Buffer, offset: number) => number;

const SECTOR_BYTES = 2048;
/** The first volume descriptor, which is the primary one (ECMA-119, 6.7.1 and 8.4). */
const DESCRIPTOR_OFFSET = 16 * SECTOR_BYTES;
/** virtio-win has about 600 folders, of about 16 bytes each. */
const MOST_TABLE_BYTES = 1024 * 1024;

/** The names of all folders of an ISO 9660 image, from its path table; empty if the file is not such an image. */
export function folderNames(readAt: ReadAt): string[] {
  const descriptor = Buffer.alloc(SECTOR_BYTES);
  readAt(descriptor, DESCRIPTOR_OFFSET);
  if (descriptor.toString('latin1', 0, 6) !== '\u0001CD001') return [];
  const sizeBytes = descriptor.readUInt32LE(132);
  if (sizeBytes > MOST_TABLE_BYTES) return [];
  const table = Buffer.alloc(sizeBytes);
  const length = readAt(table, descriptor.readUInt32LE(140) * SECTOR_BYTES);
  return namesOf(table.subarray(0, length));
}

/**
 * Each record has a length, seven bytes of location data, the name, and a padding byte if needed to make the length
 * even (9.4).
 */
function namesOf(table: Buffer): string[] {
  const names: string[] = [];
  for (let at = 0; at + 8 <= table.length;) {
    const length = table.readUInt8(at);
    if (length === 0) break;
    names.push(table.toString('latin1', at + 8, at + 8 + length));
    at += 8 + length + (length % 2);
  }
  return names;
}
