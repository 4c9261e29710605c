import type { DiskSourceFactory } from './disk-source.ts';
import { LeaseDiskSource } from './lease-disk-source.ts';

/** Each way to read the disks of a VM. Another one is a file beside `lease-disk-source.ts`, and a line here. */
export const DISK_SOURCES = {
  lease: (request) => new LeaseDiskSource(request),
} satisfies Record<string, DiskSourceFactory>;
