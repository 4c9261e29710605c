import type { SourceFile } from '../file/source-file.ts';
import { hasCrc } from './crc32c.ts';

/**
 * There are two headers of 4 KiB. The valid one with the higher sequence number is current. Source: MS-VHDX 2.2.2.
 *
 *     0 `head`   4 crc u32   8 sequence number u64   16 FileWriteGuid   32 DataWriteGuid   48 LogGuid   64 log version u16   66 version u16
 */
export interface VhdxHeader {
  /** Changes with the content of the disk. A child records it. */
  dataWriteGuid: string;
}

const FILE_SIGNATURE = 'vhdxfile';
const HEADERS_AT = [65_536, 131_072];
const HEADER_BYTES = 4096;
const NO_LOG = Buffer.alloc(16);

/** Reads the current header. An image with a log was not closed cleanly, and its tables are incomplete. */
export async function readVhdxHeader(source: SourceFile): Promise<VhdxHeader> {
  const signature = await source.read(0, FILE_SIGNATURE.length, 'its signature');
  if (signature.toString('latin1') !== FILE_SIGNATURE) throw source.fault(0, 'the signature of the file is missing');
  let best: { at: number; bytes: Buffer } | undefined;
  for (const at of HEADERS_AT) {
    const bytes = await source.read(at, HEADER_BYTES, 'its header');
    if (bytes.toString('latin1', 0, 4) !== 'head' || !hasCrc(bytes)) continue;
    if (best === undefined || bytes.readBigUInt64LE(8) > best.bytes.readBigUInt64LE(8)) best = { at, bytes };
  }
  if (best === undefined) throw source.fault(65_536, 'neither of its two headers is valid');
  const { at, bytes } = best;
  const version = bytes.readUInt16LE(66);
  if (version !== 1) throw source.fault(at + 66, `version ${version} is unknown (1 is known)`);
  if (!bytes.subarray(48, 64).equals(NO_LOG)) {
    throw source.fault(
      at + 48,
      'its log contains changes that have not been applied',
      'It was not closed cleanly. Open it once on the original host, or replay the log on a copy with qemu-img check -r all.',
    );
  }
  return { dataWriteGuid: guidText(bytes, 32) };
}

/** Formats a GUID as lower-case text: three little-endian numbers, then eight bytes (MS-DTYP 2.3.4). */
export function guidText(bytes: Buffer, at: number): string {
  const hex = Buffer.from(bytes.subarray(at, at + 16));
  hex.subarray(0, 4).reverse();
  hex.subarray(4, 6).reverse();
  hex.subarray(6, 8).reverse();
  return hex.toString('hex').replace(/^(.{8})(.{4})(.{4})(.{4})/, '$1-$2-$3-$4-');
}
