import { packFragment } from './fragment-packing.ts';
import { fragmentHead, HEADER_BYTES, MAGIC, PACKING } from './frame-layout.ts';
import type { Fragment, PendingRead } from './read-plan.ts';

const HUGE = 0xffff_fff0;

/** Where the length fields are in a fragment's head. */
const LENGTH_FIELDS = {
  payload: 8,
  total: HEADER_BYTES + 24,
  place: HEADER_BYTES + 28,
  length: HEADER_BYTES + 32,
  extra: HEADER_BYTES + 36,
} as const;

/** Returns head and data of a fragment with this content, and applies the scripted fault. `bytes` undefined stands for zeros. */
export function fragmentFrame(read: PendingRead, fragment: Fragment, bytes: Buffer | undefined): [Buffer, Buffer] {
  const { fault, packing } = read;
  const content = fault?.action === 'flip-bit' ? withFlippedBit(read, fragment, bytes, fault.atByte) : bytes;
  const packed = packFragment(packing, content, fragment.bytes);
  const isStoredAsRequested = read.storedAs === 'requested' || fault?.action === 'stored-as-requested';
  const stored = isStoredAsRequested ? packing : PACKING.none;
  let data = packed ?? content ?? Buffer.alloc(fragment.bytes);
  if (fault?.action === 'wrong-length') data = data.subarray(0, data.length - 1);
  const head = fragmentHead(read.operation, {
    status: fault?.action === 'read-status' ? fault.status : 0,
    packing: packed === undefined ? stored : packing,
    offset: BigInt(read.offset),
    total: read.length,
    place: fragment.place,
    length: fragment.length,
    extraBytes: data.length,
  });
  if (fault?.action === 'wrong-magic') head.writeUInt32LE(MAGIC + 1, 0);
  if (fault?.action === 'wrong-operation') head.writeUInt32LE(read.operation + 100_000, 12);
  if (fault?.action === 'huge-length') head.writeUInt32LE(HUGE, LENGTH_FIELDS[fault.field]);
  return [head, data];
}

function withFlippedBit(
  read: PendingRead,
  fragment: Fragment,
  bytes: Buffer | undefined,
  atByte = read.offset,
): Buffer | undefined {
  const at = atByte - read.offset - fragment.from;
  if (at < 0 || at >= fragment.bytes) return bytes;
  const flipped = bytes === undefined ? Buffer.alloc(fragment.bytes) : Buffer.from(bytes);
  flipped.writeUInt8(flipped.readUInt8(at) ^ 1, at);
  return flipped;
}
