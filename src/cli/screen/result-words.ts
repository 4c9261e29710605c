import { formatBytes, formatCount, formatDuration } from '../../base/amounts.ts';
import type { ConvertResult } from '../../operations/convert/types.ts';
import type { SkippedVm, VmExportResult } from '../../operations/export/types.ts';

/** What came out of a VM or a source, in a few words: `2 files, 3.0 GiB in 1m 05s`. */
export function resultWords(result: VmExportResult | ConvertResult): string {
  const [files, noun] = 'files' in result ? ([result.files, 'file'] as const) : ([result.disks, 'disk'] as const);
  const sizeBytes = files.reduce((sum, file) => sum + file.sizeBytes, 0);
  return `${formatCount(files.length, noun)}, ${formatBytes(sizeBytes)} in ${formatDuration(result.seconds)}`;
}

/** Why a VM was not exported again: `already whole since 2026-11-22 14:03 UTC, kept`. */
export function skipWords({ reason, exportedAt }: SkippedVm): string {
  const time = `${exportedAt.slice(0, 16).replace('T', ' ')} UTC`;
  return reason === 'unchanged'
    ? `unchanged since its export of ${time}, skipped`
    : `already whole since ${time}, kept`;
}
