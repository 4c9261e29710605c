import type { SourceFile } from '../source/disk-source.ts';
import { diskFileName } from '../target/formats.ts';
import type { ExportFormat } from '../types.ts';

/** A file of the VM that is to be fetched: a disk, or its NVRAM. */
export interface WantedFile {
  /** As in {@link SourceFile}. */
  key: string;
  /** The name it gets. */
  name: string;
  isDisk: boolean;
  /** By the VM's hardware; of an NVRAM, its size. */
  capacityBytes: number;
}

/** What the files of a source are called when they are fetched. */
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
