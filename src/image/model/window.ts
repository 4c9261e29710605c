import type { Codec } from './image.ts';

/**
 * A copy processes the disk in windows. With 2 MiB, the cost of a read, a write and a thread message per window is
 * negligible, and the windows in flight take only a few megabytes.
 */
export const WINDOW_BYTES = 2 * 1024 * 1024;

/** Replaces a file descriptor: the bytes came with the window. */
export const FROM_INPUT = -1;

/**
 * A non-zero piece of a window and the location of its bytes. All values are numbers, so that a message to a worker is
 * cheap.
 */
export interface WindowPart {
  /** Offset in the window. */
  at: number;
  lengthBytes: number;
  /** The file to read from; {@link FROM_INPUT} for the window's own `input`. */
  fd: number;
  /** See `ImageFile`. */
  directFd?: number | undefined;
  isUncached?: boolean | undefined;
  fileOffsetBytes: number;
  /** Undefined for uncompressed bytes. */
  compressed: CompressedPart | undefined;
}

export interface CompressedPart {
  codec: Codec;
  /** Length of the compressed cluster, or an upper bound for it. */
  storedBytes: number;
  /** True if `storedBytes` is the exact length. */
  exact: boolean;
  /** See `CompressedRun`. */
  markerSector?: number;
  clusterBytes: number;
  skipBytes: number;
}

/** One window of the disk that contains data. */
export interface CopyWindow {
  offsetBytes: number;
  /** Less than {@link WINDOW_BYTES} only at the end of the disk. */
  lengthBytes: number;
  parts: WindowPart[];
  /** Bytes that came with the window from a stream. */
  input?: SharedArrayBuffer;
  /** The name of the stream in error messages. */
  streamName?: string;
}

/** A cluster of a window, as a worker returns it. */
export interface PackedCluster {
  /** Number of the cluster in the window. */
  index: number;
  /** Offset in the bytes of the window, see {@link PackedWindow}. */
  at: number;
  /** Stored length: a complete cluster, or less if it is compressed. */
  storedBytes: number;
  compressed: boolean;
}

/**
 * A window, or a part of one that others of the same window can follow, as it is passed to the sink. It contains the
 * non-zero clusters contiguously: first the compressed ones, then the uncompressed ones.
 */
export interface PackedWindow {
  offsetBytes: number;
  lengthBytes: number;
  clusters: readonly PackedCluster[];
  /** The sink owns the bytes until its `put` resolves. */
  bytes: Uint8Array;
  /** SHA-256 (hex) over the content of the window; '' if it was not requested. */
  sha256: string;
}
