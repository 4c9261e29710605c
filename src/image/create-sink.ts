import { basename } from 'node:path';
import { COMPRESSORS, type ImageEncoding } from './encoding.ts';
import { createQcow2Sink, requireL1Table } from './qcow2/qcow2-sink.ts';
import { createRawSink } from './raw/raw-sink.ts';
import type { DiskSink } from './model/sink.ts';
import { createStreamOptimizedSink, requireStreamCapacity } from './vmdk/stream/stream-optimized-sink.ts';

export interface SinkOptions {
  virtualSizeBytes: number;
  /** The final name, which a VMDK has in it; by default that of `path`. */
  fileName?: string;
}

/** qemu-img's own choice, and the grain of a streamOptimized VMDK. */
const DEFAULT_CLUSTER_BYTES = 64 * 1024;

/** Throws a usage error when the format cannot hold a disk of that size. For asking before any work is done: {@link createSink} asks too. */
export function requireSize(
  { format, clusterBytes = DEFAULT_CLUSTER_BYTES }: ImageEncoding,
  virtualSizeBytes: number,
): void {
  if (format === 'qcow2') requireL1Table(virtualSizeBytes, clusterBytes);
  else if (format === 'vmdk') requireStreamCapacity(virtualSizeBytes);
}

/** Begins an image at `path`, which must not be a final name. */
export async function createSink(
  path: string,
  { format, compression, clusterBytes = DEFAULT_CLUSTER_BYTES }: ImageEncoding,
  { virtualSizeBytes, fileName = basename(path) }: SinkOptions,
): Promise<DiskSink> {
  switch (format) {
    case 'raw':
      return createRawSink(path, virtualSizeBytes);
    case 'qcow2': {
      const zstd = compression !== undefined && COMPRESSORS[compression].codec === 'zstd';
      return createQcow2Sink(path, { virtualSizeBytes, clusterBytes, zstd });
    }
    case 'vmdk':
      return createStreamOptimizedSink(path, { virtualSizeBytes, fileName });
  }
}

/** Takes a disk and keeps nothing: for reading one only to hash it. */
export function createNullSink(): DiskSink {
  return {
    clusterBytes: 64 * 1024,
    put: () => Promise.resolve(),
    finish: () => Promise.resolve({ sizeBytes: 0 }),
    discard: () => Promise.resolve(),
  };
}
