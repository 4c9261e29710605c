import type { DiskSourceFactory } from './disk-source.ts';
import { LeaseDiskSource } from './lease-disk-source.ts';

/** All ways to read the disks of a VM. To add one, create a file next to `lease-disk-source.ts` and add a line here. */
export const DISK_SOURCES = {
  lease: (request) => new LeaseDiskSource(request),
} satisfies Record<string, DiskSourceFactory>;
