import { deflateSync } from 'node:zlib';
import { PACKING } from './frame-layout.ts';

const ZEROS = Buffer.alloc(512);
const RUN_HEAD_BYTES = 8;

/**
 * Packs a fragment. `bytes` undefined stands for `length` zeros.
 * @returns undefined if packing does not make it smaller, or is not supported (FastLZ)
 */
export function packFragment(packing: number, bytes: Buffer | undefined, length: number): Buffer | undefined {
  if (packing === PACKING.zeroRun) return packZeroRuns(bytes, length);
  if (packing !== PACKING.zlib) return undefined;
  const packed = deflateSync(bytes ?? Buffer.alloc(length), { level: 1 });
  return packed.length < length ? packed : undefined;
}

/** The length, a zero, then place, length and bytes of each run. Runs begin and end with a byte that is not zero. */
function packZeroRuns(bytes: Buffer | undefined, length: number): Buffer | undefined {
  const parts: Buffer[] = [uint32s(length, 0)];
  let packedBytes = RUN_HEAD_BYTES;
  for (const run of bytes === undefined ? [] : nonZeroRuns(bytes)) {
    packedBytes += RUN_HEAD_BYTES + run.end - run.start;
    if (bytes === undefined || packedBytes >= length) return undefined;
    parts.push(uint32s(run.start, run.end - run.start), bytes.subarray(run.start, run.end));
  }
  return Buffer.concat(parts, packedBytes);
}

/** Runs of sectors that are not zero, without the zeros at either end. */
function* nonZeroRuns(bytes: Buffer): Generator<{ start: number; end: number }> {
  let start = -1;
  for (let at = 0; at < bytes.length; at += ZEROS.length) {
    const sectorEnd = Math.min(at + ZEROS.length, bytes.length);
    const isZero = bytes.compare(ZEROS, 0, sectorEnd - at, at, sectorEnd) === 0;
    if (!isZero && start === -1) start = at;
    if (isZero && start !== -1) {
      yield trimmed(bytes, start, at);
      start = -1;
    }
  }
  if (start !== -1) yield trimmed(bytes, start, bytes.length);
}

function trimmed(bytes: Buffer, from: number, to: number): { start: number; end: number } {
  let [start, end] = [from, to];
  while (bytes[start] === 0) start += 1;
  while (bytes[end - 1] === 0) end -= 1;
  return { start, end };
}

function uint32s(...values: number[]): Buffer {
  const bytes = Buffer.allocUnsafe(values.length * 4);
  values.forEach((value, index) => bytes.writeUInt32LE(value, index * 4));
  return bytes;
}
