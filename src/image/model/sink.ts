import type { CompleteFile } from '../../base/output/output.ts';
import type { PackedWindow } from './window.ts';

export interface WrittenRange {
  fromBytes: number;
  toBytes: number;
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
  /** Writes the remaining data and completes the file. */
  finish(): Promise<CompleteFile>;
  /** Removes the file, also after `finish`. */
  discard(): Promise<void>;
}
