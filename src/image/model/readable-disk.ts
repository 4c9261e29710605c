/** A range of a disk. */
export interface DiskRange {
  offsetBytes: number;
  lengthBytes: number;
}

/** A disk whose content can be read at any place, such as over a network; unlike the `MappedImage` of a file, whose content the engine reads itself. */
export interface ReadableDisk {
  readonly capacityBytes: number;
  /** What may hold other bytes than zeros, in order and without overlaps. The rest of the disk reads as zeros. */
  allocated(signal: AbortSignal): AsyncIterable<DiskRange>;
  /** Fills `target` with the content from `offsetBytes` on, which is not beyond the capacity. Several reads may be in flight at once. @throws the signal's reason. */
  read(offsetBytes: number, target: Uint8Array, signal: AbortSignal): Promise<void>;
}
