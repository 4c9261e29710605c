import {
  COMPRESSORS,
  SINK_FORMATS,
  type Compression,
  type ImageEncoding,
  type SinkFormat,
} from '../image/model/encoding.ts';

export { SINK_FORMATS };
export type { Compression };

/** What `--compress` takes. */
export const COMPRESSIONS = Object.keys(COMPRESSORS).filter((name): name is Compression => name in COMPRESSORS);

/** The choices of which {@link EncodeOptions} are made. */
export interface EncodeChoices<Format extends string> {
  format: Format;
  /** Of qcow2 images; undefined leaves them uncompressed. */
  compression?: Compression | undefined;
  /** Of qcow2 images; undefined is 64 KiB. */
  clusterBytes?: number | undefined;
}

/**
 * How the disks of a result are encoded: built once from the flags and passed on as one value. A choice that is added here is part of every fingerprint, so that an earlier result is never
 * taken for one that is encoded in another way.
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

  /** The encoding of an image in `format`, which a package in {@link EncodeOptions.format} contains. */
  image(format: SinkFormat): ImageEncoding {
    return { format, compression: this.compression, clusterBytes: this.clusterBytes };
  }

  /** The values by the names of their flags. Undefined is the default of a flag. */
  byFlag(): { format: Format; compress: string | undefined; 'cluster-size': number | undefined } {
    return { format: this.format, compress: this.compression, 'cluster-size': this.clusterBytes };
  }

  /** Equal for two results of the same content whose disks have the same bytes. */
  fingerprint(): string {
    return JSON.stringify(this.byFlag());
  }
}
