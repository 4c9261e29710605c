import type { SourceFile } from '../source/disk-source.ts';
import { diskFileName } from '../target/formats.ts';
import type { ExportFormat } from '../types.ts';

/** A file of the VM to download: a disk or its NVRAM. */
export interface WantedFile {
  /** As in {@link SourceFile}. */
  key: string;
  /** The file name to write. */
  name: string;
  isDisk: boolean;
  /** For a disk, its capacity in the VM's hardware; for an NVRAM, its size. */
  capacityBytes: number;
}

/**
 * Assigns file names to the files of a source. `numbers` are the numbers of its disks in hardware order; by default, they
 * are consecutive.
 */
export function wantedFiles(
  files: readonly SourceFile[],
  { baseName, format, numbers = [] }: { baseName: string; format: ExportFormat; numbers?: readonly number[] },
): WantedFile[] {
  return files.map(({ key, kind, capacityBytes }, index) =>
    kind === 'disk'
      ? { key, name: diskFileName(baseName, numbers[index] ?? index + 1, format), isDisk: true, capacityBytes }
      : { key, name: `${baseName}.nvram`, isDisk: false, capacityBytes },
  );
}
