import { emptyRun, requireSpan } from './runs.ts';
import type { MappedImage, Run } from './image.ts';

const SECTOR_BYTES = 512;

/** A disk of zeros, rounded up to complete sectors, for a descriptor that defines a disk without a file. */
export function emptyImage(capacityBytes: number): MappedImage {
  const virtualSizeBytes = Math.ceil(capacityBytes / SECTOR_BYTES) * SECTOR_BYTES;
  return {
    format: 'raw',
    variant: 'empty',
    virtualSizeBytes,
    files: [],
    checksummed: false,
    // oxlint-disable-next-line typescript/require-await
    async *map(fromBytes, toBytes): AsyncGenerator<Run, void, undefined> {
      const span = requireSpan(virtualSizeBytes, fromBytes, toBytes);
      if (fromBytes < toBytes) yield emptyRun('zero', span);
    },
    async [Symbol.asyncDispose]() {},
  };
}
