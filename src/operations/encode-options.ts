import {
  COMPRESSORS,
  SINK_FORMATS,
  type Compression,
  type ImageEncoding,
  type SinkFormat,
} from '../image/model/encoding.ts';

export { SINK_FORMATS };
export type { Compression };

/** The values of `--compress`. */
export const COMPRESSIONS = Object.keys(COMPRESSORS).filter((name): name is Compression => name in COMPRESSORS);

/** The settings that make up {@link EncodeOptions}. */
export interface EncodeChoices<Format extends string> {
  format: Format;
  /** For qcow2 images; undefined leaves them uncompressed. */
  compression?: Compression | undefined;
  /** For qcow2 images; defaults to 64 KiB. */
  clusterBytes?: number | undefined;
}

/**
 * How the disks of a result are encoded: built once from the flags and passed on as one value. Every setting added
 * here becomes part of the fingerprint, so that an earlier result with a different encoding is never reused.
 */
export class EncodeOptions<Format extends string = string> {
  readonly format: Format;
  readonly compression: Compression | undefined;
  readonly clusterBytes: number | undefined;

  constructor({ format, compression, clusterBytes }: EncodeChoices<Format>) {
    this.format = format;
    this.compression = compression;
    this.clusterBytes = clusterBytes;
  }

  /** The encoding of an image in `format`, for an image inside a package in {@link EncodeOptions.format}. */
  image(format: SinkFormat): ImageEncoding {
    return { format, compression: this.compression, clusterBytes: this.clusterBytes };
  }

  /** The values by flag name. Undefined is the default of a flag. */
  byFlag(): { format: Format; compress: string | undefined; 'cluster-size': number | undefined } {
    return { format: this.format, compress: this.compression, 'cluster-size': this.clusterBytes };
  }

  /** Equal for two results with the same content if their disks have the same bytes. */
  fingerprint(): string {
    return JSON.stringify(this.byFlag());
  }
}
