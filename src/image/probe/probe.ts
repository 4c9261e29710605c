import type { OpenFile } from '../file/open-file.ts';
import type { ImageFormat } from '../model/image.ts';
import { isDescriptor } from '../vmdk/descriptor/descriptor.ts';

/**
 * All signatures are in the first sector, except the footer of a fixed VHD, which is the last sector. A VMDK descriptor
 * can start with comments.
 */
const HEAD_BYTES = 4096;
const TAIL_BYTES = 512;

const QCOW2 = Buffer.from([0x51, 0x46, 0x49, 0xfb]);
const VHDX = Buffer.from('vhdxfile');
const VHD = Buffer.from('conectix');
/** VirtualBox's VDI: 0xbeda107f, little-endian, after 64 bytes of text. */
const VDI = Buffer.from([0x7f, 0x10, 0xda, 0xbe]);
const VDI_AT = 64;
/** A hosted sparse extent, a COWD (vmfsSparse) and a seSparse extent (0xcafebabe as u64). */
const VMDK = [Buffer.from('KDMV'), Buffer.from('COWD'), Buffer.from([0xbe, 0xba, 0xfe, 0xca, 0, 0, 0, 0])];

/**
 * The disk type in a VHD footer: fixed, dynamic or differencing. Nothing else is checked, so that a VHD with a damaged
 * footer is not read as a raw disk that is one sector too long.
 */
const VHD_TYPE_AT = 60;
const VHD_TYPES = new Set([2, 3, 4]);

/**
 * Returns the format of an image from its first bytes and its last 512 bytes (`tail`). File names are ignored.
 * Unrecognized content is `raw`.
 */
export function probeFormat(head: Buffer, tail: Buffer): ImageFormat {
  if (startsWith(head, QCOW2)) return 'qcow2';
  if (startsWith(head, VHDX)) return 'vhdx';
  if (startsWith(head, VHD)) return 'vpc';
  if (startsWith(head, VDI, VDI_AT)) return 'vdi';
  if (VMDK.some((magic) => startsWith(head, magic)) || isDescriptor(head)) return 'vmdk';
  const isVhd = tail.length === TAIL_BYTES && startsWith(tail, VHD) && VHD_TYPES.has(tail.readUInt32BE(VHD_TYPE_AT));
  return isVhd ? 'vpc' : 'raw';
}

/** Applies {@link probeFormat} to an open file. */
export async function probeFile(file: OpenFile): Promise<ImageFormat> {
  const head = await file.read(0, HEAD_BYTES);
  return probeFormat(head, await file.read(Math.max(0, file.sizeBytes - TAIL_BYTES), TAIL_BYTES));
}

function startsWith(bytes: Buffer, signature: Buffer, at = 0): boolean {
  return bytes.subarray(at, at + signature.length).equals(signature);
}
