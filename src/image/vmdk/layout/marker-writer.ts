import { copyBytes } from '../../../base/files/copy-bytes.ts';
import { GRAIN_DATA_OFFSET } from './marker.ts';
import { SECTOR_BYTES } from './sparse-header.ts';

/**
 * Writes a grain to `target` at offset `at`: its marker, the zlib stream, and zero padding to the end of the sector.
 * `diskSector` is the first sector of the grain on the disk. Returns the number of bytes written.
 */
export function putGrain(target: Buffer, at: number, diskSector: number, zlibStream: Buffer): number {
  const end = at + GRAIN_DATA_OFFSET + zlibStream.length;
  const storedBytes = Math.ceil((end - at) / SECTOR_BYTES) * SECTOR_BYTES;
  target.writeBigUInt64LE(BigInt(diskSector), at);
  target.writeUInt32LE(zlibStream.length, at + 8);
  copyBytes(zlibStream, target, at + GRAIN_DATA_OFFSET);
  target.fill(0, end, at + storedBytes);
  return storedBytes;
}

/** Returns `payload` after the marker of its `type`. Both consist of complete sectors. */
export function withMetadataMarker(type: number, payload: Buffer): Buffer {
  const sectors = Math.ceil(payload.length / SECTOR_BYTES);
  const bytes = Buffer.alloc((1 + sectors) * SECTOR_BYTES);
  bytes.writeBigUInt64LE(BigInt(sectors), 0);
  bytes.writeUInt32LE(type, 12);
  payload.copy(bytes, SECTOR_BYTES);
  return bytes;
}
