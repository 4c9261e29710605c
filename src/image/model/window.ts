import type { Codec } from './image.ts';

/**
 * A copy goes window by window over the disk: 2 MiB is enough to make a read, a write and a message between threads cheap, and small enough that some of them in flight
 * are a few megabytes.
 */
export const WINDOW_BYTES = 2 * 1024 * 1024;

/** In place of a file: the bytes came with the window. */
export const FROM_INPUT = -1;

/** A piece of a window that is not zero, and where its bytes stand. All numbers, so that a message to a worker is cheap. */
export interface WindowPart {
  /** Offset in the window. */
  at: number;
  lengthBytes: number;
  /** The file that the bytes are read from; {@link FROM_INPUT} for the window's own `input`. */
  fd: number;
  /** See `ImageFile`. */
  directFd?: number | undefined;
  isUncached?: boolean | undefined;
  fileOffsetBytes: number;
  /** Undefined for bytes that stand as they are. */
  compressed: CompressedPart | undefined;
}

export interface CompressedPart {
  codec: Codec;
  /** At least the bytes of the compressed cluster. */
  storedBytes: number;
  /** True when `storedBytes` is just their number. */
  exact: boolean;
  /** See `CompressedRun`. */
  markerSector?: number;
  clusterBytes: number;
  skipBytes: number;
}

/** One window of the disk that holds data. */
export interface CopyWindow {
  offsetBytes: number;
  /** Less than {@link WINDOW_BYTES} at the end of the disk. */
  lengthBytes: number;
  parts: WindowPart[];
  /** Bytes that came with the window, from a stream. */
  input?: SharedArrayBuffer;
  /** What the stream is called in errors. */
  streamName?: string;
}

/** How a cluster of a window comes back from a worker. */
export interface PackedCluster {
  /** Number of the cluster in the window. */
  index: number;
  /** Where it stands in the bytes of the window, see {@link PackedWindow}. */
  at: number;
  /** Bytes of it there: a whole cluster, or less when it is compressed. */
  storedBytes: number;
  compressed: boolean;
}

/**
 * A window as the sink gets it, or a part of one, which others of the same window may follow: the clusters that are not zero, first the compressed ones, then the whole ones one behind
 * the other.
 */
export interface PackedWindow {
  offsetBytes: number;
  lengthBytes: number;
  clusters: readonly PackedCluster[];
  /** The sink's only until its `put` resolves. */
  bytes: Uint8Array;
  /** SHA-256 (hex) over the window's content; '' when it was not asked for. */
  sha256: string;
}
