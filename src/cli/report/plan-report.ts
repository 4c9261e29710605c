import type { DryRunResult, ExportPlan, VmExportFailure } from '../../operations/export/types.ts';
import { formatBytes } from '../../base/amounts.ts';
import { skipLines } from './export-summary.ts';
import { safeText } from '../text/safe-text.ts';
import { renderTable } from '../text/table.ts';

/** What `--dry-run` found, for people: for each VM its findings, its disks and the files that would be written. */
export function planReport({ plans, skipped, failed }: DryRunResult, width: number | undefined): string[] {
  const skips = skipped.length > 0 ? [skipLines(skipped)] : [];
  const blocks = [...plans.map((plan) => planBlock(plan, width)), ...skips, ...failed.map(failureBlock)];
  return blocks.flatMap((block, index) => (index === 0 ? block : ['', ...block]));
}

function planBlock(plan: ExportPlan, width: number | undefined): string[] {
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
  const hints = plan.findings.flatMap(({ check, hint }) => (hint === undefined ? [] : [`${check}: ${safeText(hint)}`]));
  const space = `${formatBytes(plan.expectedBytes)} expected, ${formatBytes(plan.freeBytes)} free`;
  return [
    `${safeText(plan.vm)} (${plan.powerState}, ${safeText(plan.guest)}) at ${safeText(plan.inventoryPath)}`,
    '',
    ...findings,
    ...hints.map((hint) => `  ${hint}`),
    '',
    ...disks,
    '',
    `Would write ${plan.format} to ${safeText(plan.output)}: ${space}`,
    ...plan.files.map((file) => `  ${safeText(file)}`),
  ];
}

function failureBlock({ vm, error }: VmExportFailure): string[] {
  const hint = error.hint === undefined ? [] : [`  ${safeText(error.hint)}`];
  return [`${safeText(vm)}: ${safeText(error.message)}`, ...hint];
}
