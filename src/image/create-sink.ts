import type { Compression } from './copy/pack-window.ts';
import { createQcow2Sink } from './qcow2/qcow2-sink.ts';
import { createRawSink } from './raw/raw-sink.ts';
import type { DiskSink } from './sink.ts';

/** The formats that disks are written in for KVM. */
export const SINK_FORMATS = ['qcow2', 'raw'] as const;
export type SinkFormat = (typeof SINK_FORMATS)[number];

export interface SinkOptions {
  virtualSizeBytes: number;
  /** Of a qcow2; a raw image has none. */
  clusterBytes?: number;
  compression: Compression | undefined;
}

/** qemu-img's own choice, and the grain of a streamOptimized VMDK. */
const DEFAULT_CLUSTER_BYTES = 64 * 1024;

/** Begins an image at `path`, which must not be a final name. */
export function createSink(path: string, format: SinkFormat, options: SinkOptions): Promise<DiskSink> {
  const { virtualSizeBytes, clusterBytes = DEFAULT_CLUSTER_BYTES, compression } = options;
  return format === 'raw'
    ? createRawSink(path, virtualSizeBytes)
    : createQcow2Sink(path, { virtualSizeBytes, clusterBytes, zstd: compression === 'zstd' });
}
