/**
 * The contract of all disk images.
 *
 * A *mapped* image (a file that can be read anywhere) tells for any range of the disk where its bytes stand, without reading them: its reader parses headers and tables, and
 * nothing else. Copying, inflating and hashing are done by the engine, for all formats alike. A stream (a download) has the same runs, but only from front
 * to back, and its bytes come along.
 */

/** How a compressed cluster is coded: with or without zlib's header and checksum (RFC 1950, RFC 1951), or Zstandard (RFC 8878). */
export type Codec = 'zlib' | 'deflate' | 'zstd';

/** A range of the disk. Offsets and lengths are in bytes of the disk that the guest sees. */
interface Range {
  offsetBytes: number;
  lengthBytes: number;
}

/** The range reads as zeros. */
export interface ZeroRun extends Range {
  kind: 'zero';
}

/** This image holds nothing here: its parent's content shows through. Never seen outside a chain: without a parent it is zeros. */
export interface AbsentRun extends Range {
  kind: 'absent';
}

/** The range stands as it is at `fileOffsetBytes` of file number `file`. */
export interface DataRun extends Range {
  kind: 'data';
  file: number;
  fileOffsetBytes: number;
}

/** One compressed cluster: `storedBytes` from `fileOffsetBytes` on give `clusterBytes` when they are decompressed; the run is the part of it from `skipBytes` on. */
export interface CompressedRun extends Range {
  kind: 'compressed';
  codec: Codec;
  file: number;
  fileOffsetBytes: number;
  storedBytes: number;
  /** False where the format tells only an upper bound of `storedBytes` (qcow2 counts sectors). */
  exact: boolean;
  clusterBytes: number;
  skipBytes: number;
  /**
   * VMDK alone: the 12 bytes before `fileOffsetBytes` are a grain marker, which must name this sector and has the exact size; `checkGrainMarker` reads it.
   */
  markerSector?: number;
}

export type Run = ZeroRun | AbsentRun | DataRun | CompressedRun;

export const IMAGE_FORMATS = ['raw', 'qcow2', 'vmdk', 'vpc', 'vhdx', 'vdi'] as const;
export type ImageFormat = (typeof IMAGE_FORMATS)[number];

/** An open file that runs point into. */
export interface ImageFile {
  path: string;
  /** For positioned reads only. */
  fd: number;
  sizeBytes: number;
  /** When it was last written to before it was opened, in ms since 1970; of no meaning for a device. */
  modifiedMs: number;
  /** The same file past the page cache, where reading a hole costs next to nothing. Only of files that have holes or are not in the cache, where the file system can. */
  directFd?: number | undefined;
  /** The file is not in the page cache, so that all of it is read past it. */
  isUncached?: boolean;
}

/** An image whose tables are known. Opened by its format's `open…`, which checks all that the header claims against the file's size before it allocates. */
export interface MappedImage extends AsyncDisposable {
  readonly format: ImageFormat;
  /** The format's variant, as qemu-img and VMware name it: `streamOptimized`, `dynamic`; '' where there is only one. */
  readonly variant: string;
  readonly virtualSizeBytes: number;
  /** VMware's UUID of the disk, as 32 hexadecimal digits, where the format has it. */
  readonly diskUuid?: string | undefined;
  /** All files of the image, its parents' included. */
  readonly files: readonly ImageFile[];
  /** True when each compressed cluster carries its own checksum and nothing is stored without one. */
  readonly checksummed: boolean;
  /**
   * The runs of `[fromBytes, toBytes)`, in order, without gaps or overlaps, merged where neighbours are contiguous in kind and place. Tables are read as they are needed, and
   * not kept beyond a bounded cache.
   * @throws Hyper2kvmError kind `image`, with file and offset, for an entry that points outside the file or is otherwise a lie.
   */
  map(fromBytes: number, toBytes: number): AsyncGenerator<Run, void, undefined>;
}
