/**
 * The contract of all disk images.
 *
 * A *mapped* image is a file that supports random access. For any range of the disk, it returns where the bytes are
 * stored, without reading them: its reader parses only headers and tables. The engine copies, decompresses and hashes
 * the data of all formats. A stream (a download) has the same runs, but delivers them from start to end, together with
 * their bytes.
 */

/**
 * The encoding of a compressed cluster: deflate with or without the zlib header and checksum (RFC 1950, RFC 1951), or
 * Zstandard (RFC 8878).
 */
export type Codec = 'zlib' | 'deflate' | 'zstd';

/** A range of the disk. Offsets and lengths are in bytes of the virtual disk that the guest sees. */
interface Range {
  offsetBytes: number;
  lengthBytes: number;
}

/** The range reads as zeros. */
export interface ZeroRun extends Range {
  kind: 'zero';
}

/**
 * This image has no data for the range, and the parent's content is visible. Only images of a chain have such runs;
 * without a parent the range is zeros.
 */
export interface AbsentRun extends Range {
  kind: 'absent';
}

/** The range is stored uncompressed at `fileOffsetBytes` of file number `file`. */
export interface DataRun extends Range {
  kind: 'data';
  file: number;
  fileOffsetBytes: number;
}

/**
 * One compressed cluster: `storedBytes` at `fileOffsetBytes` decompress to `clusterBytes`. The run is the part of the
 * cluster that starts at `skipBytes`.
 */
export interface CompressedRun extends Range {
  kind: 'compressed';
  codec: Codec;
  file: number;
  fileOffsetBytes: number;
  storedBytes: number;
  /** False if the format gives only an upper bound for `storedBytes` (qcow2 counts sectors). */
  exact: boolean;
  clusterBytes: number;
  skipBytes: number;
  /**
   * VMDK only: the 12 bytes before `fileOffsetBytes` are a grain marker that must contain this sector. The marker has
   * the exact size; `checkGrainMarker` reads it.
   */
  markerSector?: number;
}

export type Run = ZeroRun | AbsentRun | DataRun | CompressedRun;

export const IMAGE_FORMATS = ['raw', 'qcow2', 'vmdk', 'vpc', 'vhdx', 'vdi'] as const;
export type ImageFormat = (typeof IMAGE_FORMATS)[number];

/** An open file that runs refer to. */
export interface ImageFile {
  path: string;
  /** For positioned reads only. */
  fd: number;
  sizeBytes: number;
  /** Modification time before the file was opened, in ms since 1970. Meaningless for a device. */
  modifiedMs: number;
  /**
   * The same file opened with O_DIRECT, where reading a hole costs almost nothing. Set only for files that have holes
   * or are not in the page cache, if the file system supports it.
   */
  directFd?: number | undefined;
  /** The file is not in the page cache, so all reads bypass the cache. */
  isUncached?: boolean;
}

/**
 * An image whose tables are located. The `open…` function of its format opens it, and checks every value of the header
 * against the file size before it allocates memory.
 */
export interface MappedImage extends AsyncDisposable {
  readonly format: ImageFormat;
  /**
   * The variant of the format, as qemu-img and VMware call it: `streamOptimized`, `dynamic`. '' if there is only one.
   */
  readonly variant: string;
  readonly virtualSizeBytes: number;
  /** VMware's UUID of the disk as 32 hexadecimal digits, if the format records it. */
  readonly diskUuid?: string | undefined;
  /** All files of the image, including those of its parents. */
  readonly files: readonly ImageFile[];
  /** True if each compressed cluster has its own checksum, and all data is stored in such clusters. */
  readonly checksummed: boolean;
  /**
   * Yields the runs of `[fromBytes, toBytes)` in order, without gaps or overlaps. Adjacent runs are merged if they have
   * the same kind and are contiguous in the file. Tables are read on demand, through a bounded cache.
   * @throws Hyper2kvmError kind `image`, with file and offset, for an entry that points outside the file or is
   * otherwise invalid.
   */
  map(fromBytes: number, toBytes: number): AsyncGenerator<Run, void, undefined>;
}
