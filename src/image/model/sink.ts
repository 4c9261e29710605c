import type { CompleteFile } from '../../base/output/output.ts';
import type { PackedWindow } from './window.ts';

export interface WrittenRange {
  fromBytes: number;
  toBytes: number;
}

/** A window that a file already has: its clusters by number, all stored uncompressed. */
export interface StoredWindow {
  offsetBytes: number;
  lengthBytes: number;
  clusters: readonly number[];
}

/** Where a part of a window is in the file. */
export interface StoredPart {
  /** Offset in the window. */
  at: number;
  lengthBytes: number;
  fileOffsetBytes: number;
}

/** The destination of a disk. It takes the non-zero windows in disk order, and ends with `finish` or `discard`. */
export interface DiskSink {
  /** Windows are packed in clusters of this size. */
  readonly clusterBytes: number;
  /** Set if the format requires clusters to be grains, see `Packing`. Undefined leaves the packing to the caller. */
  readonly packing?: 'grains';
  /**
   * The written ranges of the disk, in order, if the file itself does not record them. All other ranges are holes,
   * which read as zeros.
   */
  readonly written?: readonly WrittenRange[];
  /**
   * Writes a window. The next call can come before this one resolves, because the file offset is allocated during the
   * call.
   * @throws Hyper2kvmError kind `local-file`, after all writes of the window have ended.
   */
  put(window: PackedWindow): Promise<void>;
  /** Each byte of the disk is at its own offset in the file, so that ranges without a window must be zeros there. */
  readonly isLinear?: boolean;
  /**
   * Takes a window over that an earlier sink has written into this file, and returns where it is. The windows must be the
   * first ones of the earlier sink, in the same order and without a gap, before the first `put`. Undefined if the format
   * cannot be continued.
   */
  restore?(window: StoredWindow): Promise<readonly StoredPart[]>;
  /** Ends the restored part: the disk before this offset. Drops what the file contains of the rest. */
  endRestore?(coveredBytes: number): Promise<void>;
  /** Writes the remaining data and completes the file. */
  finish(): Promise<CompleteFile>;
  /** Removes the file, also after `finish`. */
  discard(): Promise<void>;
}
