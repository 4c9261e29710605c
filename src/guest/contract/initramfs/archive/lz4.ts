import { InitramfsError } from './cpio.ts';

/**
 * LZ4's legacy frame (lz4_Frame_format.md, "Legacy frame"), which the kernel reads: a magic number, then blocks with
 * a length each. Each block unpacks to 8 MiB, the last one to less.
 */
const MAGIC_BYTES = 4;
const BLOCK_BYTES = 8 * 1024 * 1024;
const MAGIC = 0x184c2102;
/** LZ4_COMPRESSBOUND of a block. */
const MOST_BLOCK_BYTES = BLOCK_BYTES + Math.ceil(BLOCK_BYTES / 255) + 16;

/**
 * Decompresses frames and returns the number of bytes read. Stops at the end of the input, and at a length that is
 * too large for a block.
 */
export async function* decompressLz4(input: Buffer): AsyncGenerator<Buffer, number> {
  let at = MAGIC_BYTES;
  while (at + 4 <= input.length) {
    const lengthBytes = input.readUInt32LE(at);
    // Frames may follow one another; zeros are padding.
    if (lengthBytes === MAGIC) at += MAGIC_BYTES;
    else if (lengthBytes === 0 || lengthBytes > MOST_BLOCK_BYTES) return at;
    else {
      const block = input.subarray(at + 4, at + 4 + lengthBytes);
      if (block.length < lengthBytes) throw new InitramfsError('the compressed data is cut off');
      yield decompressBlock(block);
      at += 4 + lengthBytes;
    }
  }
  return at;
}

/** A block (lz4_Block_format.md): literals, and copies of earlier output. */
function decompressBlock(block: Buffer): Buffer {
  const output = Buffer.allocUnsafe(BLOCK_BYTES);
  let from = 0;
  let to = 0;
  const length = (start: number): number => {
    if (start < 15) return start;
    let sum = start;
    let byte = 255;
    while (byte === 255) {
      byte = block[from] ?? damaged();
      from += 1;
      sum += byte;
    }
    return sum;
  };
  while (from < block.length) {
    const token = block[from] ?? 0;
    from += 1;
    const literals = length(token >> 4);
    if (from + literals > block.length || to + literals > BLOCK_BYTES) damaged();
    block.copy(output, to, from, from + literals);
    from += literals;
    to += literals;
    if (from >= block.length) break;
    const distance = from + 2 <= block.length ? block.readUInt16LE(from) : damaged();
    from += 2;
    const copied = length(token & 15) + 4;
    if (distance === 0 || distance > to || to + copied > BLOCK_BYTES) damaged();
    // A copy may overlap its own output.
    if (distance >= copied) output.copy(output, to, to - distance, to - distance + copied);
    else for (let index = 0; index < copied; index += 1) output[to + index] = output[to + index - distance] ?? 0;
    to += copied;
  }
  return output.subarray(0, to);
}

function damaged(): never {
  throw new InitramfsError('the compressed data is damaged');
}
