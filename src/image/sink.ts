import type { PackedWindow } from './copy/window.ts';

/** Where a disk goes. Takes windows in the order of the disk, without those that are zero, and ends with `finish` or `discard`. */
export interface DiskSink {
  /** Windows are packed in clusters of so many bytes. */
  readonly clusterBytes: number;
  /** Fixed by the format: clusters are grains, see `Packing`. Undefined: they are packed as whoever copies wants it. */
  readonly packing?: 'grains';
  /** Writes a window; the next one comes when this has resolved. @throws Hyper2kvmError `local-file`. */
  put(window: PackedWindow): Promise<void>;
  /** Writes what is still missing, and flushes. The image is whole then. Returns the size of the file. */
  finish(): Promise<{ sizeBytes: number }>;
  /** Closes and removes the file. */
  discard(): Promise<void>;
}
