import type { Run } from './image.ts';

/** A part of the disk, from `fromBytes` (inclusive) to `toBytes` (exclusive). */
export interface Span {
  fromBytes: number;
  toBytes: number;
}

/** Returns the intersection of `span` and `units` units of `unitBytes`, starting at unit number `index`. */
export function unitSpan(span: Span, unitBytes: number, index: number, units = 1): Span {
  return {
    fromBytes: Math.max(span.fromBytes, index * unitBytes),
    toBytes: Math.min(span.toBytes, (index + units) * unitBytes),
  };
}

/** Returns a run without content for `span`. */
export function emptyRun(kind: 'zero' | 'absent', { fromBytes, toBytes }: Span): Run {
  return { kind, offsetBytes: fromBytes, lengthBytes: toBytes - fromBytes };
}

/**
 * Returns a data run in the first file for `span`. `baseBytes` is the file offset of byte `unitStartBytes` of the disk.
 */
export function dataRun({ fromBytes, toBytes }: Span, unitStartBytes: number, baseBytes: number): Run {
  const fileOffsetBytes = baseBytes + (fromBytes - unitStartBytes);
  return { kind: 'data', offsetBytes: fromBytes, lengthBytes: toBytes - fromBytes, file: 0, fileOffsetBytes };
}

/** Throws if the requested range is outside the disk. This is a bug in the caller, not a fault of the image. */
export function requireSpan(virtualSizeBytes: number, fromBytes: number, toBytes: number): Span {
  if (fromBytes >= 0 && fromBytes <= toBytes && toBytes <= virtualSizeBytes) return { fromBytes, toBytes };
  throw new RangeError(`${fromBytes} to ${toBytes} is not within a disk of ${virtualSizeBytes} bytes`);
}
