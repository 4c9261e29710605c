import { Readable, type Transform } from 'node:stream';
import { createGunzip, createZstdDecompress } from 'node:zlib';
import { InitramfsError } from './cpio.ts';
import { decompressLz4 } from './lz4.ts';
import { decompressLzma, decompressXz, UnreadCompressionError } from './xz.ts';

export { UnreadCompressionError } from './xz.ts';

const PIECE_BYTES = 1024 * 1024;

/** The compressions that the kernel supports (`lib/decompress.c` of Linux), by their magic numbers. */
const MAGICS = [
  { name: 'gzip', magic: Buffer.from([0x1f, 0x8b]) },
  { name: 'bzip2', magic: Buffer.from('BZh') },
  { name: 'xz', magic: Buffer.from([0xfd, 0x37, 0x7a, 0x58, 0x5a, 0x00]) },
  { name: 'lzo', magic: Buffer.from([0x89, 0x4c, 0x5a, 0x4f, 0x00, 0x0d, 0x0a, 0x1a, 0x0a]) },
  { name: 'lz4', magic: Buffer.from([0x02, 0x21, 0x4c, 0x18]) },
  { name: 'zstd', magic: Buffer.from([0x28, 0xb5, 0x2f, 0xfd]) },
  { name: 'lzma', magic: Buffer.from([0x5d, 0x00, 0x00]) },
] as const;
export type Compression = (typeof MAGICS)[number]['name'];

/** The compression with this magic number; undefined for other data. */
export function compressionOf(bytes: Buffer): Compression | undefined {
  return MAGICS.find(({ magic }) => bytes.subarray(0, magic.length).equals(magic))?.name;
}

/** Yields decompressed pieces, and returns how many bytes of the input were compressed data. */
export type Decompressed = AsyncGenerator<Buffer, number>;

/**
 * Decompresses the data at the start of `input`.
 * @throws `InitramfsError` for damaged data, `UnreadCompressionError`.
 */
export function decompress(compression: Compression, input: Buffer): Decompressed {
  switch (compression) {
    case 'gzip':
      return throughZlib(createGunzip({ chunkSize: PIECE_BYTES }), input);
    case 'zstd':
      return throughZlib(createZstdDecompress({ chunkSize: PIECE_BYTES }), input);
    case 'lz4':
      return decompressLz4(input);
    case 'xz':
      return decompressXz(input);
    case 'lzma':
      return decompressLzma(input);
    case 'bzip2':
    case 'lzo':
      throw new UnreadCompressionError(compression);
  }
}

async function* throughZlib(stream: Transform & { bytesWritten: number }, input: Buffer): Decompressed {
  try {
    Readable.from([input]).pipe(stream);
    const pieces: AsyncIterable<Buffer> = stream;
    for await (const piece of pieces) yield piece;
    return stream.bytesWritten;
  } catch (error) {
    throw isZlibError(error) ? new InitramfsError('the compressed data is damaged', error) : error;
  } finally {
    stream.destroy();
  }
}

/** Errors of zlib and zstd have their own codes, such as `Z_DATA_ERROR`. */
function isZlibError(error: unknown): boolean {
  return typeof error === 'object' && error !== null && 'code' in error && /^(Z_|ZSTD_)/.test(String(error.code));
}
