import type { DryRunResult, ExportPlan, PlanTotals, VmExportFailure } from '../../operations/export/types.ts';
import { formatBytes, formatCount } from '../../base/text/amounts.ts';
import { leftOutLines } from './export/left-out-lines.ts';
import { skipLines } from './export/export-summary.ts';
import { safeText } from '../text/safe-text.ts';
import { renderTable } from '../text/table.ts';

/** The result of `--dry-run` as text: for each VM its findings, its disks, and the files that would be written. */
export function planReport({ plans, skipped, failed, totals }: DryRunResult, width: number | undefined): string[] {
  const skips = skipped.length > 0 ? [skipLines(skipped)] : [];
  const shown = new Set<string>();
  const sums = plans.length > 1 ? [totalsBlock(totals)] : [];
  const blocks = [
    ...plans.map((plan) => planBlock(plan, shown, width)),
    ...skips,
    ...failed.map(failureBlock),
    ...sums,
  ];
  return blocks.flatMap((block, index) => (index === 0 ? block : ['', ...block]));
}

/** `shown` contains the hints already printed above: many VMs need the same one. */
function planBlock(plan: ExportPlan, shown: Set<string>, width: number | undefined): string[] {
  const findings = renderTable(
    [{ header: 'LEVEL' }, { header: 'CHECK' }, { header: 'FINDING', cut: 'wrap' }],
    plan.findings.map(({ level, check, detail }) => [level, check, detail]),
    width,
  );
  const disks = renderTable(
    [
      { header: 'DISK', cut: 'end' },
      { header: 'FILE', cut: 'middle' },
      { header: 'SOURCE', cut: 'middle' },
      { header: 'CAPACITY', align: 'right' },
      { header: 'EXPECTED', align: 'right' },
    ],
    plan.disks.map(({ label, disk, datastoreFile, capacityBytes, expectedBytes }) => [
      label,
      disk,
      datastoreFile,
      formatBytes(capacityBytes),
      formatBytes(expectedBytes),
    ]),
    width,
  );
  const hints = plan.findings.flatMap(({ check, hint }) => {
    if (hint === undefined || shown.has(hint)) return [];
    shown.add(hint);
    return [`${check}: ${safeText(hint)}`];
  });
  const isRefused = plan.findings.some(({ level }) => level === 'error');
  const space = `${formatBytes(plan.expectedBytes)} expected, ${formatBytes(plan.freeBytes)} free`;
  return [
    `${safeText(plan.vm)} (${plan.powerState}, ${safeText(plan.guest)}) at ${safeText(plan.inventoryPath)}`,
    '',
    ...findings,
    ...hints.map((hint) => `  ${hint}`),
    '',
    ...disks,
    ...leftOutLines(plan.leftOut),
    '',
    ...(isRefused
      ? [`Would write nothing: ${safeText(plan.vm)} cannot be exported.`]
      : [
          `Would write ${plan.format} to ${safeText(plan.output)}: ${space}`,
          ...plan.files.map((file) => `  ${safeText(file)}`),
        ]),
  ];
}

function totalsBlock({ vms, exportable, disks, capacityBytes, expectedBytes, ...rest }: PlanTotals): string[] {
  const freeBytes = rest.freeBytes ?? 0;
  const counts = `${exportable} of ${formatCount(vms, 'VM')} would be exported, ${formatCount(disks, 'disk')}`;
  const space = `${formatBytes(expectedBytes)} expected, ${formatBytes(freeBytes)} free`;
  const tight = expectedBytes > freeBytes ? ['Together they may need more than is free.'] : [];
  return [`Total: ${counts}, ${formatBytes(capacityBytes)} capacity: ${space}`, ...tight];
}

function failureBlock({ vm, error }: VmExportFailure): string[] {
  const hint = error.hint === undefined ? [] : [`  ${safeText(error.hint)}`];
  return [`${safeText(vm)}: ${safeText(error.message)}`, ...hint];
}
