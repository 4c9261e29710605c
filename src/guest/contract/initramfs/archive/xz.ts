import { crc32 } from 'node:zlib';
import { InitramfsError } from './cpio.ts';
import { LzmaDecoder } from './lzma.ts';

/** A compression, or a compression setting, that this program cannot read. */
export class UnreadCompressionError extends Error {
  constructor(what: string) {
    super(`it is compressed with ${what}, which is not read`);
    this.name = 'UnreadCompressionError';
  }
}

/** `xz -9` uses 64 MiB, initramfs tools a few MiB. A kernel could not allocate more during its start. */
const MOST_DICTIONARY_BYTES = 128 * 1024 * 1024;
const LEAST_DICTIONARY_BYTES = 4096;
/**
 * The amount that is decoded before it is passed on. The window is larger by this amount, so that nothing in it is
 * overwritten before.
 */
const PIECE_BYTES = 2 * 1024 * 1024;

const HEADER_BYTES = 12;
const LZMA2 = 0x21;
/** The size of the check after a block, by the type in the header (xz-file-format.txt, section 2.1.1.2). */
const CHECK_BYTES = [0, 4, 4, 4, 8, 8, 8, 16, 16, 16, 32, 32, 32, 64, 64, 64];
const CRC32 = 1;

/** Decompresses one stream of `.xz` (xz-file-format.txt); returns its length in bytes. */
export async function* decompressXz(input: Buffer): AsyncGenerator<Buffer, number> {
  const check = byteAt(input, 7) & 15;
  let at = HEADER_BYTES;
  while (byteAt(input, at) !== 0) {
    const header = readBlockHeader(input, at);
    const decoder = new LzmaDecoder(input, header.dictionaryBytes + PIECE_BYTES);
    decoder.position = header.end;
    let sum = 0;
    for (const piece of decodeLzma2(input, decoder)) {
      if (check === CRC32) sum = crc32(piece, sum);
      yield piece;
    }
    const end = padded(at, decoder.position);
    if (check === CRC32 && (end + 4 > input.length || input.readUInt32LE(end) !== sum)) damaged();
    at = end + (CHECK_BYTES[check] ?? 0);
  }
  return readIndex(input, at) + HEADER_BYTES;
}

/** Decompresses `.lzma` (lzma-file-format.txt), which has a header of 13 bytes. */
export async function* decompressLzma(input: Buffer): AsyncGenerator<Buffer, number> {
  if (input.length < 13) damaged();
  const decoder = new LzmaDecoder(input, boundedDictionary(input.readUInt32LE(1)) + PIECE_BYTES);
  const unpacked = input.readBigUInt64LE(5);
  let left = unpacked === 0xffff_ffff_ffff_ffffn ? Number.POSITIVE_INFINITY : Number(unpacked);
  decoder.setProperties(byteAt(input, 0));
  decoder.resetState();
  decoder.position = 13;
  decoder.startRange(input.length);
  let hasEnded = false;
  while (left > 0 && !hasEnded) {
    // A match may be longer than the rest of a piece.
    hasEnded = decoder.decode(Math.min(left, PIECE_BYTES - 273), left > PIECE_BYTES);
    const piece = decoder.take();
    left -= piece.length;
    yield piece;
  }
  return decoder.position;
}

/** Chunks that begin with a control byte, until one that is zero. */
function* decodeLzma2(input: Buffer, decoder: LzmaDecoder): Generator<Buffer> {
  for (;;) {
    const at = decoder.position;
    const control = byteAt(input, at);
    decoder.position += 1;
    if (control === 0) return;
    if (control < 0x80) {
      if (control > 2) damaged();
      if (control === 1) decoder.resetDictionary();
      decoder.position += 2;
      decoder.copy(((byteAt(input, at + 1) << 8) | byteAt(input, at + 2)) + 1);
    } else {
      const unpacked = (((control & 0x1f) << 16) | (byteAt(input, at + 1) << 8) | byteAt(input, at + 2)) + 1;
      const packed = ((byteAt(input, at + 3) << 8) | byteAt(input, at + 4)) + 1;
      const reset = (control >> 5) & 3;
      decoder.position += 4;
      if (reset === 3) decoder.resetDictionary();
      if (reset >= 2) {
        decoder.setProperties(byteAt(input, decoder.position));
        decoder.position += 1;
      }
      if (reset >= 1) decoder.resetState();
      const end = decoder.position + packed;
      if (end > input.length) damaged();
      decoder.startRange(end);
      if (decoder.decode(unpacked)) damaged();
      decoder.position = end;
    }
    yield decoder.take();
  }
}

function readBlockHeader(input: Buffer, at: number): { end: number; dictionaryBytes: number } {
  const end = at + (byteAt(input, at) + 1) * 4;
  const flags = byteAt(input, at + 1);
  if (end > input.length || input.readUInt32LE(end - 4) !== crc32(input.subarray(at, end - 4))) damaged();
  if ((flags & 3) !== 0) throw new UnreadCompressionError('xz and a filter');
  let next = at + 2;
  // Skips the optional sizes.
  for (const flag of [0x40, 0x80]) if ((flags & flag) !== 0) next = readNumber(input, next).next;
  if (byteAt(input, next) !== LZMA2 || byteAt(input, next + 1) !== 1)
    throw new UnreadCompressionError('xz and a filter');
  const bits = byteAt(input, next + 2) & 63;
  return { end, dictionaryBytes: boundedDictionary((2 | (bits & 1)) * 2 ** ((bits >> 1) + 11)) };
}

function boundedDictionary(bytes: number): number {
  if (bytes > MOST_DICTIONARY_BYTES) throw new UnreadCompressionError(`a dictionary of ${bytes} bytes`);
  return Math.max(bytes, LEAST_DICTIONARY_BYTES);
}

/** The offset of the end of the index, which lists the blocks. */
function readIndex(input: Buffer, at: number): number {
  const count = readNumber(input, at + 1);
  let { next } = count;
  for (let index = 0; index < 2 * count.value; index += 1) ({ next } = readNumber(input, next));
  const end = padded(at, next) + 4;
  if (end + HEADER_BYTES > input.length || input.toString('latin1', end + 10, end + 12) !== 'YZ') damaged();
  return end;
}

/** Seven bits per byte, least significant first. */
function readNumber(input: Buffer, at: number): { value: number; next: number } {
  let value = 0;
  for (let index = 0; index < 9; index += 1) {
    const byte = byteAt(input, at + index);
    value += (byte & 127) * 2 ** (7 * index);
    if (byte < 128) return { value, next: at + index + 1 };
  }
  return damaged();
}

/** Blocks and the index are padded to four bytes. */
function padded(start: number, end: number): number {
  return start + Math.ceil((end - start) / 4) * 4;
}

function byteAt(input: Buffer, at: number): number {
  return input[at] ?? damaged();
}

function damaged(): never {
  throw new InitramfsError('the compressed data is damaged');
}
