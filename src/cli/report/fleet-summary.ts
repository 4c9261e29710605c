import type { ExportResult, VmExportResult } from '../../operations/export/types.ts';
import { formatBytes, formatCount, formatDuration } from '../../base/text/amounts.ts';
import { safeText } from '../text/safe-text.ts';
import { renderTable } from '../text/table.ts';

/** One line for each VM of a run with several: its outcome, the size of its files and the time. Then the counts. */
export function fleetSummary({ exported, skipped, failed, share }: ExportResult, width: number | undefined): string[] {
  const rows = [
    ...exported.map((vm) => [vm.vm, exportedWord(vm), sizeOf(vm.files), formatDuration(vm.seconds)]),
    ...skipped.map((vm) => [vm.vm, vm.reason === 'unchanged' ? 'unchanged' : 'already complete', sizeOf(vm.files), '']),
    ...failed.map(({ vm, error }) => [
      vm,
      error.kind === 'interrupted' ? 'interrupted' : `failed: ${error.kind}`,
      '',
      '',
    ]),
  ];
  const table = renderTable(
    [
      { header: 'VM', cut: 'middle' },
      { header: 'RESULT' },
      { header: 'SIZE', align: 'right' },
      { header: 'TIME', align: 'right' },
    ],
    rows,
    width,
  );
  const counts = [
    `${exported.length} exported`,
    skipped.length > 0 ? `${skipped.length} kept` : '',
    failed.length > 0 ? `${failed.length} not exported` : '',
    `${formatBytes(exported.reduce((sum, { transferredBytes }) => sum + transferredBytes, 0))} fetched`,
  ];
  return [...(rows.length > 1 ? table : []), `${shareWords(share)}${counts.filter(Boolean).join(', ')}`];
}

/** The warnings of VMs that are not shown individually. */
export function warningsOf(exported: readonly VmExportResult[]): string[] {
  return exported.flatMap(({ vm, warnings }) => warnings.map((each) => `${safeText(vm)}: Warning: ${safeText(each)}`));
}

function exportedWord({ bootTest }: VmExportResult): string {
  return bootTest?.problem === undefined ? 'exported' : 'did not boot';
}

function sizeOf(files: readonly { sizeBytes: number }[]): string {
  return formatBytes(files.reduce((sum, { sizeBytes }) => sum + sizeBytes, 0));
}

function shareWords(share: ExportResult['share']): string {
  if (share === undefined) return '';
  const { index, count, vms, ofVms } = share;
  return `Shard ${index}/${count}, ${vms} of ${formatCount(ofVms, 'VM')}: `;
}
