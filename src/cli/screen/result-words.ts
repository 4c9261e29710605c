import { formatBytes, formatCount, formatDuration } from '../../base/text/amounts.ts';
import type { ConvertResult } from '../../operations/convert/types.ts';
import type { CutoverResult, RollbackResult } from '../../operations/cutover/types.ts';
import type { CutOverReplica, VmSyncResult } from '../../operations/sync/types.ts';
import type { SkippedVm, VmExportResult } from '../../operations/export/types.ts';

/**
 * The result for a VM or a source in brief: `2 files, 3.0 GiB in 1m 05s`. The time of a fix is shown separately. The
 * plan of a fix has no disks: `planned in 31s, nothing was written`.
 */
export function resultWords(
  result: VmExportResult | ConvertResult | VmSyncResult | CutoverResult | RollbackResult,
): string {
  if ('state' in result) return cutoverWords(result);
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
export function skipWords(result: SkippedVm | CutOverReplica): string {
  if (result.reason === 'cutover') {
    return `not replicated: its replica belongs to a cutover since ${shortTime(result.since)} (step ${result.step})`;
  }
  const { reason, exportedAt } = result;
  const time = shortTime(exportedAt);
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

/** `2026-11-22 14:03 UTC` */
function shortTime(time: string): string {
  return `${time.slice(0, 16).replace('T', ' ')} UTC`;
}

/** `cut over, downtime 1m 12s`. */
function cutoverWords(result: CutoverResult | RollbackResult): string {
  if (result.state === 'rolled-back') return `rolled back in ${formatDuration(result.seconds)}`;
  const { downtime, seconds } = result;
  return `cut over in ${formatDuration(seconds)}${downtime === null ? '' : `, downtime ${formatDuration(downtime.seconds)}`}`;
}

const WORK_WORDS = {
  export: { doing: 'exporting', failed: 'not exported' },
  sync: { doing: 'replicating', failed: 'not replicated' },
  cutover: { doing: 'cutting over', failed: 'not cut over' },
} as const;

/** What is done with the VM of an event, and what was not done if it failed. */
export function workWords(event: {
  type: string;
  work?: 'sync' | 'cutover';
}): (typeof WORK_WORDS)[keyof typeof WORK_WORDS] {
  return WORK_WORDS[event.work ?? 'export'];
}
