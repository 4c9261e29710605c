import type { CompleteFile } from '../../base/output/output.ts';
import type { PackedWindow } from './window.ts';

export interface WrittenRange {
  fromBytes: number;
  toBytes: number;
}

/** Where a disk goes. Takes windows in the order of the disk, without those that are zero, and ends with `finish` or `discard`. */
export interface DiskSink {
  /** Windows are packed in clusters of so many bytes. */
  readonly clusterBytes: number;
  /** Fixed by the format: clusters are grains, see `Packing`. Undefined: they are packed as whoever copies wants it. */
  readonly packing?: 'grains';
  /**
   * The ranges of the disk that were written, in order, where the file itself does not record them. The rest are holes, which read as zeros.
   */
  readonly written?: readonly WrittenRange[];
  /** Writes a window. The next one may come before this has resolved: each gets its place in the file at the call. @throws Hyper2kvmError `local-file`, when nothing of the window is being written any more. */
  put(window: PackedWindow): Promise<void>;
  /** Writes what is still missing, and completes the file. */
  finish(): Promise<CompleteFile>;
  /** Removes the file, after `finish` too. */
  discard(): Promise<void>;
}
