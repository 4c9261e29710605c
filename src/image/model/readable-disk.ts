/** A range of a disk. */
export interface DiskRange {
  offsetBytes: number;
  lengthBytes: number;
}

/**
 * A disk with random access to its content, for example over a network. A `MappedImage`, in contrast, is a file whose
 * content the engine reads.
 */
export interface ReadableDisk {
  readonly capacityBytes: number;
  /**
   * Yields the ranges that can contain non-zero bytes, in order and without overlaps. The rest of the disk reads as
   * zeros.
   */
  allocated(signal: AbortSignal): AsyncIterable<DiskRange>;
  /**
   * Fills `target` with the content at `offsetBytes`, which is within the capacity. Several reads can be in flight at
   * once.
   * @throws the signal's reason.
   */
  read(offsetBytes: number, target: Uint8Array, signal: AbortSignal): Promise<void>;
}
