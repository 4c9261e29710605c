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

/** Assigns file names to the files of a source. */
export function wantedFiles(
  files: readonly SourceFile[],
  { baseName, format }: { baseName: string; format: ExportFormat },
): WantedFile[] {
  return files.map(({ key, kind, capacityBytes }, index) =>
    kind === 'disk'
      ? { key, name: diskFileName(baseName, index, format), isDisk: true, capacityBytes }
      : { key, name: `${baseName}.nvram`, isDisk: false, capacityBytes },
  );
}
