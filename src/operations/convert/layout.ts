import type { FoundGuestNet } from '../guest-net/read-guest-net.ts';
import type { ConvertSource, SourceDisk } from './convert-source.ts';
import type { DiskOrigin } from './types.ts';

/** A disk and the final name of its image. */
export interface PlannedDisk {
  disk: SourceDisk;
  origin: DiskOrigin;
  path: string;
  capacityBytes: number;
  /** VMware's UUID of the disk, in 32 hexadecimal digits; undefined if its file does not contain one. */
  uuid: string | undefined;
}

/** The complete output layout, decided before the first byte is written. Its images stay open until it is disposed. */
export interface Layout extends AsyncDisposable {
  source: ConvertSource;
  folder: string;
  disks: PlannedDisk[];
  /** The disks that were not selected. */
  leftOut: DiskOrigin[];
  warnings: string[];
  /** The addresses of the guest on VMware, if they are known. */
  guestNet: FoundGuestNet | undefined;
  domainPath: string | undefined;
  manifestPath: string | undefined;
}
