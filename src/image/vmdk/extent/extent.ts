import { emptyRun, type Span } from '../../model/runs.ts';
import type { Run } from '../../model/image.ts';

/** A part of the disk that one line of the descriptor gives. Offsets are in bytes of the disk, its first one `startBytes`. */
export interface Extent {
  readonly startBytes: number;
  readonly lengthBytes: number;
  /** True when all that it holds has a checksum. */
  readonly checksummed: boolean;
  /** The runs of a part of this extent, in order and without gaps. `absent` is for what a parent may have. */
  map(span: Span): AsyncIterable<readonly Run[]> | Iterable<readonly Run[]>;
}

/** An extent without a file: zeros, and no parent shows through (descriptor type `ZERO`). */
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

/** An extent that stands as it is in its file, from `fileOffsetBytes` on (descriptor types `FLAT` and `VMFS`). */
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
