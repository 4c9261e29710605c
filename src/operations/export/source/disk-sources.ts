import type { Transport } from '../types.ts';
import { AutoDiskSource } from './auto-disk-source.ts';
import type { DiskSourceFactory, SourceRequest } from './disk-source.ts';
import { LeaseDiskSource } from './lease-disk-source.ts';
import { NfcDiskSource } from './nfc-disk-source.ts';

/** All ways to read the disks of a VM. To add one, create a file next to `lease-disk-source.ts` and add a line here. */
export const DISK_SOURCES = {
  lease: (request: SourceRequest) => new LeaseDiskSource(request),
  nfc: (request) => new NfcDiskSource(request),
  auto: (request) => new AutoDiskSource(request),
} satisfies Record<Transport, DiskSourceFactory>;
