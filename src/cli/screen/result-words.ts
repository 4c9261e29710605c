import { formatBytes, formatCount, formatDuration } from '../../base/text/amounts.ts';
import type { ConvertResult } from '../../operations/convert/types.ts';
import type { VmSyncResult } from '../../operations/sync/types.ts';
import type { SkippedVm, VmExportResult } from '../../operations/export/types.ts';

/**
 * The result for a VM or a source in brief: `2 files, 3.0 GiB in 1m 05s`. The time of a fix is shown separately. The
 * plan of a fix has no disks: `planned in 31s, nothing was written`.
 */
export function resultWords(result: VmExportResult | ConvertResult | VmSyncResult): string {
  if ('round' in result) return roundWords(result);
  const { guest, seconds } = result;
  if (guest?.outcome === 'planned') return `planned in ${formatDuration(seconds)}, nothing was written`;
  const [files, noun, work] =
    'files' in result
      ? ([result.files, 'file', result.fetchSeconds ?? seconds] as const)
      : ([result.disks, 'disk', result.copySeconds] as const);
  const sizeBytes = files.reduce((sum, file) => sum + file.sizeBytes, 0);
  const isFixed = guest?.outcome === 'fixed';
  const fix = isFixed
    ? `, guest ${guest.changes.length > 0 ? 'fixed' : 'checked'} in ${formatDuration(guest.seconds)}`
    : '';
  return `${formatCount(files.length, noun)}, ${formatBytes(sizeBytes)} in ${formatDuration(isFixed ? work : seconds)}${fix}`;
}

/** Why a VM was not exported again: `already complete since 2026-11-22 14:03 UTC, kept`. */
export function skipWords({ reason, exportedAt }: SkippedVm): string {
  const time = `${exportedAt.slice(0, 16).replace('T', ' ')} UTC`;
  return reason === 'unchanged'
    ? `unchanged since its export of ${time}, skipped`
    : `already complete since ${time}, kept`;
}

/** `round 5: 12 MiB changed, 40 MiB fetched in 12s`. */
function roundWords(result: VmSyncResult): string {
  const { round, changedBytes, transferredBytes, seconds, rehearsal, downtime } = result;
  const amounts = `${formatBytes(changedBytes)} changed, ${formatBytes(transferredBytes)} fetched`;
  const how = rehearsal?.error === undefined ? 'rehearsed' : 'rehearsal failed';
  const rehearsed = rehearsal === undefined ? '' : `, ${how} in ${formatDuration(rehearsal.seconds)}`;
  const off = downtime.seconds === null ? '' : `, downtime about ${formatDuration(downtime.seconds)}`;
  return `round ${round}: ${amounts} in ${formatDuration(seconds)}${rehearsed}${off}`;
}
