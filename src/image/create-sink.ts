import type { OutputFile } from '../base/output/output.ts';
import { COMPRESSORS, type ImageEncoding } from './model/encoding.ts';
import { createQcow2Sink, requireL1Table } from './qcow2/qcow2-sink.ts';
import { createRawSink } from './raw/raw-sink.ts';
import type { DiskSink } from './model/sink.ts';
import { createStreamOptimizedSink, requireStreamCapacity } from './vmdk/stream/stream-optimized-sink.ts';

export interface SinkOptions {
  virtualSizeBytes: number;
}

/** The default of qemu-img, and the grain size of a streamOptimized VMDK. */
export const DEFAULT_CLUSTER_BYTES = 64 * 1024;

/**
 * Checks the size before any work is done; {@link createSink} checks it too.
 * @throws a usage error if the format cannot hold a disk of this size.
 */
export function requireSize(
  { format, clusterBytes = DEFAULT_CLUSTER_BYTES }: ImageEncoding,
  virtualSizeBytes: number,
): void {
  if (format === 'qcow2') requireL1Table(virtualSizeBytes, clusterBytes);
  else if (format === 'vmdk') requireStreamCapacity(virtualSizeBytes);
}

/**
 * Starts an image in `file`. The sink finishes or discards the file; if this function throws, the file is discarded.
 */
export async function createSink(file: OutputFile, encoding: ImageEncoding, options: SinkOptions): Promise<DiskSink> {
  try {
    return await sinkOf(file, encoding, options);
  } catch (error) {
    await file.discard();
    throw error;
  }
}

async function sinkOf(
  file: OutputFile,
  { format, compression, clusterBytes = DEFAULT_CLUSTER_BYTES }: ImageEncoding,
  { virtualSizeBytes }: SinkOptions,
): Promise<DiskSink> {
  switch (format) {
    case 'raw':
      return await createRawSink(file, virtualSizeBytes);
    case 'qcow2': {
      const zstd = compression !== undefined && COMPRESSORS[compression].codec === 'zstd';
      return createQcow2Sink(file, { virtualSizeBytes, clusterBytes, zstd });
    }
    case 'vmdk':
      return createStreamOptimizedSink(file, { virtualSizeBytes, fileName: file.name });
  }
}

/** Returns a sink that discards its input, for reading a disk only to hash it. */
export function createNullSink(): DiskSink {
  return {
    clusterBytes: 64 * 1024,
    put: () => Promise.resolve(),
    finish: () => Promise.resolve({ sizeBytes: 0, modifiedMs: 0 }),
    discard: () => Promise.resolve(),
  };
}
