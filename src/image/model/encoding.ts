/** The formats that disks are written in; a VMDK is streamOptimized. */
export const SINK_FORMATS = ['qcow2', 'raw', 'vmdk'] as const;
export type SinkFormat = (typeof SINK_FORMATS)[number];

/** How the clusters of a qcow2 are compressed. */
export interface Compressor {
  codec: 'deflate' | 'zstd';
  /** Of deflate: the window is 2 to the power of it. */
  windowBits?: number;
  /** The deflated grains of a VMDK are moved into clusters as they are: every reader that takes these clusters takes those. */
  movesGrains: boolean;
}

/**
 * What `--compress` takes. `fast` is deflate at its quickest with the window of 32 KiB that every reader was found to take; `careful` keeps to the 4 KiB window that qemu
 * itself writes with; `zstd` needs a reader of 2020 or later. A level that is added here is a choice of the flags and part of each fingerprint.
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
  /** Of a qcow2; undefined stores clusters as they are. A VMDK is always compressed. */
  readonly compression?: Compression | undefined;
  /** Of a qcow2; undefined is 64 KiB. */
  readonly clusterBytes?: number | undefined;
}

/** Whether deflated grains of the source are stored in the image as they are. */
export function movesGrains({ format, compression }: ImageEncoding): boolean {
  return format === 'vmdk' || compressorMovesGrains(compression);
}

export function compressorMovesGrains(compression: Compression | undefined): boolean {
  return compression !== undefined && COMPRESSORS[compression].movesGrains;
}

/** Whether the image is smaller than its content where that compresses. */
export function isCompressed({ format, compression }: ImageEncoding): boolean {
  return format === 'vmdk' || compression !== undefined;
}
