import { emptyRun, type Span } from '../../model/runs.ts';
import type { Run } from '../../model/image.ts';

/**
 * The part of the disk that one line of the descriptor defines. Offsets are in bytes of the disk, on which the extent
 * starts at `startBytes`.
 */
export interface Extent {
  readonly startBytes: number;
  readonly lengthBytes: number;
  /** True if all data of the extent has a checksum. */
  readonly checksummed: boolean;
  /** The runs of a part of this extent, in order and without gaps. `absent` runs are those that a parent can supply. */
  map(span: Span): AsyncIterable<readonly Run[]> | Iterable<readonly Run[]>;
}

/** An extent without a file (descriptor type `ZERO`). It reads as zeros and hides the parent. */
export class ZeroExtent implements Extent {
  readonly startBytes: number;
  readonly lengthBytes: number;
  readonly checksummed = true;

  constructor(startBytes: number, lengthBytes: number) {
    this.startBytes = startBytes;
    this.lengthBytes = lengthBytes;
  }

  map(span: Span): Iterable<readonly Run[]> {
    return [[emptyRun('zero', span)]];
  }
}

/**
 * An extent that is stored uncompressed in its file, starting at `fileOffsetBytes` (descriptor types `FLAT` and
 * `VMFS`).
 */
export class FlatExtent implements Extent {
  readonly startBytes: number;
  readonly lengthBytes: number;
  readonly checksummed = false;
  readonly #file: number;
  readonly #fileOffsetBytes: number;

  constructor(startBytes: number, lengthBytes: number, file: number, fileOffsetBytes: number) {
    this.startBytes = startBytes;
    this.lengthBytes = lengthBytes;
    this.#file = file;
    this.#fileOffsetBytes = fileOffsetBytes;
  }

  map({ fromBytes, toBytes }: Span): Iterable<readonly Run[]> {
    const fileOffsetBytes = this.#fileOffsetBytes + (fromBytes - this.startBytes);
    const run = { offsetBytes: fromBytes, lengthBytes: toBytes - fromBytes, file: this.#file, fileOffsetBytes };
    return [[{ kind: 'data', ...run }]];
  }
}
