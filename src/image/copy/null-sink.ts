import type { DiskSink } from '../model/sink.ts';

/** Takes a disk and keeps nothing: for reading one only to hash it. */
export function createNullSink(): DiskSink {
  return {
    clusterBytes: 64 * 1024,
    put: () => Promise.resolve(),
    finish: () => Promise.resolve({ sizeBytes: 0 }),
    discard: () => Promise.resolve(),
  };
}
