import { BLOCK_BYTES } from './tar-header.ts';

/** The fields of a header block; see `tar-header.ts` for the layout. */
export interface TarBlock {
  /** `0` for a regular file, whichever value the header has for it. */
  type: string;
  name: string;
  sizeBytes: number;
}

/** Why a block is not a valid header. The caller knows the archive and the offset. */
export class TarBlockFault extends Error {}

export function isZeroBlock(block: Uint8Array): boolean {
  return block.every((byte) => byte === 0);
}

/**
 * Returns true if the checksum of the header is correct. Some early writers summed signed bytes, so both forms are
 * accepted.
 */
export function hasValidChecksum(block: Uint8Array): boolean {
  const stored = decodeOctal(block.subarray(148, 156));
  if (stored === undefined || block.length !== BLOCK_BYTES) return false;
  let unsigned = 0;
  let signed = 0;
  for (const [at, byte] of block.entries()) {
    const counted = at >= 148 && at < 156 ? 0x20 : byte;
    unsigned += counted;
    signed += counted > 127 ? counted - 256 : counted;
  }
  return stored === unsigned || stored === signed;
}

/**
 * Decodes a block of 512 bytes that is not all zeros: ustar, pax, GNU and v7.
 * @throws a {@link TarBlockFault}.
 */
export function decodeBlock(block: Uint8Array): TarBlock {
  if (!hasValidChecksum(block)) throw new TarBlockFault('has a header with a wrong checksum');
  const sizeBytes = decodeSize(block.subarray(124, 136));
  const typeByte = block[156] ?? 0;
  const type = typeByte === 0 || typeByte === 0x37 ? '0' : String.fromCharCode(typeByte);
  const ownName = decodeText(untilNul(block.subarray(0, 100)));
  // GNU's magic is "ustar  ". GNU tar uses the prefix field for other data.
  const isPosix = decodeText(block.subarray(257, 263)) === 'ustar\0';
  const prefix = isPosix ? decodeText(untilNul(block.subarray(345, 500))) : '';
  const name = prefix === '' ? ownName : `${prefix}/${ownName}`;
  // v7 has no type flag for folders.
  return { type: type === '0' && name.endsWith('/') ? '5' : type, name, sizeBytes };
}

/** Decodes UTF-8. Names that are not valid UTF-8 are decoded as Latin-1, in which every byte is a character. */
export function decodeText(bytes: Uint8Array): string {
  try {
    return new TextDecoder('utf-8', { fatal: true, ignoreBOM: true }).decode(bytes);
  } catch {
    return Buffer.from(bytes).toString('latin1');
  }
}

function untilNul(bytes: Uint8Array): Uint8Array {
  const end = bytes.indexOf(0);
  return end < 0 ? bytes : bytes.subarray(0, end);
}

/** Octal, or GNU's base-256: the first bit is set, the second is the sign, and the rest is a big-endian number. */
function decodeSize(field: Uint8Array): number {
  const first = field[0] ?? 0;
  if (first < 0x80) return decodeOctal(field) ?? fault('has a size that is not a number');
  let size = BigInt(first & 0x7f);
  for (const byte of field.subarray(1)) size = size * 256n + BigInt(byte);
  if (first >= 0xc0 || size > BigInt(Number.MAX_SAFE_INTEGER)) fault('has an impossible size');
  return Number(size);
}

/** Parses digits with leading spaces and trailing spaces or NULs. An empty field is 0. */
function decodeOctal(field: Uint8Array): number | undefined {
  const digits = /^ *([0-7]*)[ \0]*$/.exec(Buffer.from(field).toString('latin1'))?.[1];
  return digits === undefined ? undefined : Number.parseInt(`0${digits}`, 8);
}

function fault(what: string): never {
  throw new TarBlockFault(what);
}
