/** The formats that disks can be written in. A VMDK is always streamOptimized. */
export const SINK_FORMATS = ['qcow2', 'raw', 'vmdk'] as const;
export type SinkFormat = (typeof SINK_FORMATS)[number];

/** How the clusters of a qcow2 are compressed. */
export interface Compressor {
  codec: 'deflate' | 'zstd';
  /** For deflate: the base-2 logarithm of the window size. */
  windowBits?: number;
  /**
   * Deflated VMDK grains are moved into clusters unchanged. Every reader that accepts these clusters also accepts the
   * grains.
   */
  movesGrains: boolean;
}

/**
 * The values of `--compress`. `fast` is deflate at its fastest level with a 32 KiB window, which every tested reader
 * accepts. `careful` uses the 4 KiB window that qemu writes. `zstd` needs a reader from 2020 or later. A new entry
 * becomes a choice of the flag and part of each fingerprint.
 */
export const COMPRESSORS = {
  fast: { codec: 'deflate', windowBits: 15, movesGrains: true },
  careful: { codec: 'deflate', windowBits: 12, movesGrains: false },
  zstd: { codec: 'zstd', movesGrains: false },
} as const satisfies Record<string, Compressor>;

export type Compression = keyof typeof COMPRESSORS;

/** How the image of a disk is encoded. */
export interface ImageEncoding {
  readonly format: SinkFormat;
  /** For qcow2 only; undefined stores clusters uncompressed. A VMDK is always compressed. */
  readonly compression?: Compression | undefined;
  /** For qcow2 only; undefined means 64 KiB. */
  readonly clusterBytes?: number | undefined;
}

/** Returns true if deflated grains of the source are stored in the image unchanged. */
export function movesGrains({ format, compression }: ImageEncoding): boolean {
  return format === 'vmdk' || compressorMovesGrains(compression);
}

export function compressorMovesGrains(compression: Compression | undefined): boolean {
  return compression !== undefined && COMPRESSORS[compression].movesGrains;
}

/** Returns true if the image is smaller than its content, provided that the content compresses. */
export function isCompressed({ format, compression }: ImageEncoding): boolean {
  return format === 'vmdk' || compression !== undefined;
}
