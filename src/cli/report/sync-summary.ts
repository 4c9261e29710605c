import { formatBytes, formatDuration } from '../../base/text/amounts.ts';
import type { Rehearsal, SyncedDisk, SyncResult, VmSyncResult } from '../../operations/sync/types.ts';
import { safeText } from '../text/safe-text.ts';
import { bootTestReport } from './boot-test-report.ts';
import { downtimeWords } from './downtime-words.ts';
import { fixReport } from './fix-report.ts';
import { hardwareLines } from './hardware-lines.ts';
import { skipWords } from '../screen/result-words.ts';
import { timeWords } from './time-words.ts';

/** The result of `sync` as text: each VM with its disks, then what was not replicated. */
export function syncSummary({ job, synced, skipped, failed }: SyncResult): string[] {
  const lines = synced.flatMap((vm) => [...vmLines(vm), '']);
  lines.push(...skipped.map((vm) => `${safeText(vm.vm)}: ${skipWords(vm)}. Its replica was not touched.`));
  if (failed.length > 0) {
    lines.push(`Not replicated: ${failed.map(({ vm }) => safeText(vm)).join(', ')}`);
    lines.push(...failed.flatMap(({ leftBehind }) => leftBehind.map((left) => `  Left behind: ${safeText(left)}`)));
  }
  lines.push(`Details: hyper2kvm status --job ${job}`);
  return lines;
}

function vmLines(result: VmSyncResult): string[] {
  const { vm, output, round, takenAt, transferredBytes, fetchSeconds, seconds, nextRoundSeconds } = result;
  const time = timeWords({ bytes: transferredBytes, workSeconds: fetchSeconds, seconds });
  return [
    `${safeText(vm)}: round ${round}, the replica in ${safeText(output)} is of ${takenAt}`,
    ...result.disks.map((disk) => `  ${safeText(diskWords(disk))}`),
    `  ${formatBytes(transferredBytes)} fetched in ${time}`,
    ...(nextRoundSeconds === undefined
      ? []
      : [`  A round that begins now would take about ${formatDuration(nextRoundSeconds)}`]),
    `  Downtime of a cutover: ${downtimeWords(result.downtime)}`,
    ...(result.enabledTracking === true ? ['  Changed block tracking was switched on for the VM'] : []),
    ...(result.repairedBytes === undefined
      ? []
      : [`  Audit: ${formatBytes(result.repairedBytes)} differed that the server had not reported as changed`]),
    ...(result.rehearsal === undefined ? [] : rehearsalLines(result.rehearsal).map((line) => `  ${line}`)),
    ...result.warnings.map((warning) => `  Warning: ${safeText(warning)}`),
  ];
}

/** Whether the guest came up, what was changed in it, and what its boot showed. */
function rehearsalLines({ error, guest, hardware, bootTest, seconds }: Rehearsal): string[] {
  const time = formatDuration(seconds);
  const words = error === undefined ? `the guest came up (${time} in all)` : `failed after ${time}`;
  return [
    `Rehearsal: ${words}`,
    ...(error === undefined
      ? []
      : safeText(error.message)
          .split('\n')
          .map((line) => `  ${line}`)),
    ...(guest === undefined ? [] : fixReport(guest, undefined)),
    ...hardwareLines(hardware).map((line) => line.trimStart()),
    ...(bootTest === undefined ? [] : bootTestReport(bootTest, undefined)),
  ];
}

function diskWords({ file, label, changedBytes, reading }: SyncedDisk): string {
  const bytes = formatBytes(changedBytes);
  const words = {
    new: `new, with ${bytes} of data`,
    changed: `${bytes} changed`,
    compared: `compared, ${bytes} differed`,
  };
  return `${file}: ${label}, ${words[reading]}`;
}
