import type { DiskFile } from './disk-file.ts';
import type { BlocksRequest } from './frame-layout.ts';

const MIN_CHUNK_BYTES = 64 * 1024;
const MAX_CHUNKS = 524_288;

/**
 * Returns a bit for each chunk, the lowest bit first, with zeros up to a multiple of 4 bytes. A chunk is allocated if any
 * byte of it is. The result is a text if the question is not allowed.
 */
export function allocationBitmap(file: DiskFile, request: BlocksRequest, scope: 'link' | 'chain'): Buffer | string {
  const [chunkBytes, start, count] = [Number(request.chunkBytes), Number(request.startBytes), Number(request.count)];
  if (!request.isRestZero) return 'a question for allocated blocks has unknown values';
  if (chunkBytes < MIN_CHUNK_BYTES || chunkBytes % 512 !== 0) return `chunks of ${chunkBytes} bytes are not allowed`;
  if (count === 0 || count > MAX_CHUNKS) return `${count} chunks are not allowed`;
  if (start % chunkBytes !== 0) return 'the start is not a multiple of the chunk';
  if (start + count * chunkBytes > file.capacityBytes) return 'the chunks end after the end of the disk';
  const bitmap = Buffer.alloc(Math.ceil(Math.ceil(count / 8) / 4) * 4);
  for (const range of file.allocated(scope)) {
    const first = Math.max(0, Math.floor((range.offset - start) / chunkBytes));
    const end = Math.min(count, Math.ceil((range.offset + range.length - start) / chunkBytes));
    for (let chunk = first; chunk < end; chunk += 1) {
      const at = Math.floor(chunk / 8);
      bitmap.writeUInt8(bitmap.readUInt8(at) | (1 << (chunk % 8)), at);
    }
  }
  return bitmap;
}
