/**
 * Tar headers. POSIX.1-2017 `pax` describes the ustar and pax formats: a block of 512 bytes before each file, the
 * file's bytes padded to a multiple of 512, and two blocks of zeros at the end.
 *
 *     0 name[100]  100 mode[8]  108 uid[8]  116 gid[8]  124 size[12]  136 mtime[12]  148 checksum[8]  156 type
 *   157 linkname[100]  257 "ustar\0"  263 "00"  265 uname[32]  297 gname[32]  329 devmajor[8]  337 devminor[8]  345 prefix[155]
 */
export const BLOCK_BYTES = 512;
/** GNU tar and POSIX both write complete records of 20 blocks. */
export const RECORD_BYTES = 20 * BLOCK_BYTES;

const NAME_BYTES = 100;
/** The size field has 11 octal digits: 8^11 is 8 GiB. */
const OCTAL_SIZE_LIMIT = 8 ** 11;

export interface TarEntry {
  name: string;
  sizeBytes: number;
  mtime: Date;
}

/**
 * Returns the size of a member's headers. It does not depend on the member's size, so it is known before the member is
 * written.
 */
export function headersBytes(name: string): number {
  return Buffer.byteLength(name) <= NAME_BYTES ? BLOCK_BYTES : 2 * BLOCK_BYTES + padded(paxPath(name).length);
}

/**
 * Encodes all headers of a regular file with mode 0644 and owner 0. A name over 100 bytes is in a pax extended header
 * before the regular one. Shorter names are plain UTF-8, which GNU tar, libarchive and Python read, and which is the
 * simplest form for simple readers. A size of 8 GiB or more uses GNU's base-256: the field has a fixed length, so it
 * can be filled in after the file is written.
 */
export function encodeHeaders(entry: TarEntry): Buffer {
  if (Buffer.byteLength(entry.name) <= NAME_BYTES) return encodeBlock(entry, '0');
  const path = paxPath(entry.name);
  const content = Buffer.alloc(padded(path.length));
  path.copy(content);
  const extended = encodeBlock({ ...entry, name: 'PaxHeaders/name', sizeBytes: path.length }, 'x');
  // Readers without pax support see a truncated name. Buffer.write never splits a character.
  return Buffer.concat([extended, content, encodeBlock(entry, '0')]);
}

/** Rounds `bytes` up to a multiple of the block size. */
export function padded(bytes: number): number {
  return Math.ceil(bytes / BLOCK_BYTES) * BLOCK_BYTES;
}

function encodeBlock({ name, sizeBytes, mtime }: TarEntry, type: '0' | 'x'): Buffer {
  const block = Buffer.alloc(BLOCK_BYTES);
  block.write(name, 0, NAME_BYTES);
  writeOctal(block, 0o644, 100, 8);
  writeOctal(block, 0, 108, 8);
  writeOctal(block, 0, 116, 8);
  if (sizeBytes < OCTAL_SIZE_LIMIT) writeOctal(block, sizeBytes, 124, 12);
  else writeBase256(block, sizeBytes, 124, 12);
  writeOctal(block, Math.floor(mtime.valueOf() / 1000), 136, 12);
  block.write(type, 156);
  block.write('ustar\u000000', 257);
  writeOctal(block, 0, 329, 8);
  writeOctal(block, 0, 337, 8);
  // The checksum is the sum of all bytes, with its own field taken as spaces. It is written as six digits, NUL, space.
  block.fill(' ', 148, 156);
  const sum = block.reduce((total, byte) => total + byte, 0);
  block.write(`${sum.toString(8).padStart(6, '0')}\0 `, 148);
  return block;
}

function writeOctal(block: Buffer, value: number, offset: number, length: number): void {
  block.write(value.toString(8).padStart(length - 1, '0'), offset);
}

/** Big-endian, with the first bit set (GNU tar manual, "Extensions"). */
function writeBase256(block: Buffer, value: number, offset: number, length: number): void {
  block.writeBigUInt64BE(BigInt(value), offset + length - 8);
  block[offset] = 0x80;
}

/** A pax record is `<length> <key>=<value>\n`, where the length includes its own digits. */
function paxPath(name: string): Buffer {
  const rest = ` path=${name}\n`;
  const bytes = Buffer.byteLength(rest);
  // Adding its own digits can carry the length past a power of ten, which takes one more digit.
  const first = bytes + String(bytes).length;
  const length = bytes + String(first).length;
  return Buffer.from(`${length}${rest}`);
}
