import type { Run } from './image.ts';

/** A part of the disk, from `fromBytes` up to `toBytes`. */
export interface Span {
  fromBytes: number;
  toBytes: number;
}

/** What `span` and unit number `index` of `unitBytes`, or `units` of them, have in common. */
export function unitSpan(span: Span, unitBytes: number, index: number, units = 1): Span {
  return {
    fromBytes: Math.max(span.fromBytes, index * unitBytes),
    toBytes: Math.min(span.toBytes, (index + units) * unitBytes),
  };
}

/** A run without content for `span`. */
export function emptyRun(kind: 'zero' | 'absent', { fromBytes, toBytes }: Span): Run {
  return { kind, offsetBytes: fromBytes, lengthBytes: toBytes - fromBytes };
}

/** A run of the first file's bytes for `span`; `baseBytes` is the place in the file that byte `unitStartBytes` of the disk has. */
export function dataRun({ fromBytes, toBytes }: Span, unitStartBytes: number, baseBytes: number): Run {
  const fileOffsetBytes = baseBytes + (fromBytes - unitStartBytes);
  return { kind: 'data', offsetBytes: fromBytes, lengthBytes: toBytes - fromBytes, file: 0, fileOffsetBytes };
}

/** Throws when a caller asks for what is not of the disk: a fault of ours, not of the image. */
export function requireSpan(virtualSizeBytes: number, fromBytes: number, toBytes: number): Span {
  if (fromBytes >= 0 && fromBytes <= toBytes && toBytes <= virtualSizeBytes) return { fromBytes, toBytes };
  throw new RangeError(`${fromBytes} to ${toBytes} is not within a disk of ${virtualSizeBytes} bytes`);
}
