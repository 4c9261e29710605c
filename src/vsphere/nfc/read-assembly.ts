import { copyBytes } from '../../base/files/copy-bytes.ts';
import { PACKING, type Fragment } from './frames.ts';

/** Hosts send a read of 1 MiB in at most 16 fragments with their own buffers of 64 KiB. */
const MOST_FRAGMENTS = 4096;
/** uint32 total, uint32 0. */
const PACKED_HEAD_BYTES = 8;
/** uint32 place, uint32 length. */
const RUN_HEAD_BYTES = 8;

/** A contradiction in a fragment, as the object of "sent". */
export class FragmentError extends Error {}

/** Puts the fragments of one read together, which arrive in any order. */
export class ReadAssembly {
  readonly #offsetBytes: bigint;
  readonly #lengthBytes: number;
  #target: Uint8Array | undefined;
  /** Places that have arrived: start and end, in order, merged. */
  readonly #arrived: { from: number; to: number }[] = [];
  #fragments = 0;

  constructor(offsetBytes: number, target: Uint8Array) {
    this.#offsetBytes = BigInt(offsetBytes);
    this.#lengthBytes = target.length;
    this.#target = target;
  }

  /** Drops the content of fragments that still arrive. The target is not written any more. */
  abandon(): void {
    this.#target = undefined;
  }

  /** @throws FragmentError when the fragment does not belong here, before its content is read. */
  check({ packing, offsetBytes, totalBytes, placeBytes, lengthBytes, extraBytes }: Fragment): void {
    this.#fragments += 1;
    if (this.#fragments > MOST_FRAGMENTS) throw new FragmentError(`more than ${MOST_FRAGMENTS} fragments for one read`);
    if (offsetBytes !== this.#offsetBytes || totalBytes !== this.#lengthBytes) {
      throw new FragmentError('a fragment of another read');
    }
    if (lengthBytes === 0 || placeBytes + lengthBytes > totalBytes) {
      throw new FragmentError(`a fragment at ${placeBytes} of ${lengthBytes} bytes in a read of ${totalBytes}`);
    }
    const isPacked = packing === PACKING.zeroRuns && extraBytes >= PACKED_HEAD_BYTES && extraBytes < lengthBytes;
    const isStored = (packing === PACKING.zeroRuns || packing === PACKING.none) && extraBytes === lengthBytes;
    if (!isPacked && !isStored) {
      throw new FragmentError(`${extraBytes} bytes for a fragment of ${lengthBytes} with packing ${packing}`);
    }
    this.#cover(placeBytes, placeBytes + lengthBytes);
  }

  /** Takes the content of a checked fragment. Returns true when the read is complete. */
  take({ placeBytes, lengthBytes }: Fragment, extra: Buffer): boolean {
    const part = this.#target?.subarray(placeBytes, placeBytes + lengthBytes) ?? new Uint8Array(0);
    if (extra.length === lengthBytes) {
      if (this.#target) copyBytes(extra, part, 0);
    } else unpackZeroRuns(extra, lengthBytes, this.#target && part);
    const [first] = this.#arrived;
    return first?.from === 0 && first.to === this.#lengthBytes;
  }

  #cover(from: number, to: number): void {
    const arrived = this.#arrived;
    let index = arrived.findIndex((each) => each.from >= from);
    if (index === -1) index = arrived.length;
    const before = arrived[index - 1];
    const after = arrived[index];
    if ((before && before.to > from) || (after && after.from < to)) {
      throw new FragmentError('two fragments for the same place');
    }
    const start = before?.to === from ? before.from : from;
    const end = after?.from === to ? after.to : to;
    const first = before?.to === from ? index - 1 : index;
    const last = after?.from === to ? index + 1 : index;
    arrived.splice(first, last - first, { from: start, to: end });
  }
}

/**
 * Unpacks zero runs: the ranges that are not all zeros, in order, each with its place and length.
 * @throws FragmentError for ranges that overlap, are out of order or do not fit.
 */
function unpackZeroRuns(packed: Buffer, lengthBytes: number, target: Uint8Array | undefined): void {
  if (packed.readUInt32LE(0) !== lengthBytes) {
    throw new FragmentError(`zero runs of ${packed.readUInt32LE(0)} bytes for a fragment of ${lengthBytes}`);
  }
  target?.fill(0);
  let end = 0;
  for (let at = PACKED_HEAD_BYTES; at < packed.length;) {
    if (at + RUN_HEAD_BYTES > packed.length) throw new FragmentError('zero runs that are cut off');
    const place = packed.readUInt32LE(at);
    const bytes = packed.readUInt32LE(at + 4);
    at += RUN_HEAD_BYTES;
    if (place < end || bytes === 0 || place + bytes > lengthBytes || at + bytes > packed.length) {
      throw new FragmentError(`a range of ${bytes} bytes at ${place} in zero runs of ${lengthBytes}`);
    }
    if (target) copyBytes(packed.subarray(at, at + bytes), target, place);
    at += bytes;
    end = place + bytes;
  }
}
