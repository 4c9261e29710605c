import type { ExportResult, VmExportResult } from '../../../operations/export/types.ts';
import { formatBytes, formatCount, formatDuration, formatRate } from '../../../base/text/amounts.ts';
import type { Look } from '../../text/look.ts';
import { safeText } from '../../text/safe-text.ts';
import { renderTable, type TableColumn } from '../../text/table.ts';
import { textWidth } from '../../text/text-width.ts';
import { leftLines, useLines } from './next-steps.ts';
import { sharedNotes } from './vm-notes.ts';

/** One VM of the table. */
interface Row {
  vm: string;
  result: string;
  sizeBytes?: number;
  seconds?: number;
  rate?: number;
  /** Where its files are. */
  path?: string;
  /** Why it was not exported. */
  reason?: string;
}

/** A narrower screen has no rates, and a still narrower one no times. */
const RATE_FROM = 56;
const TIME_FROM = 36;

/** One row for each VM of a run with several; then the notes, each once, and the totals. */
export function fleetSummary(result: ExportResult, look: Look): string[] {
  const { exported, failed } = result;
  const rows = rowsOf(result);
  const blocks = [
    rows.length === 0 ? [] : table(rows, look),
    [...hintsOf(result), ...sharedNotes(exported, look), ...leftLines(failed)],
    [totalsLine(result, look), ...useLines(result)],
  ];
  return blocks.filter((block) => block.length > 0).flatMap((block, index) => (index === 0 ? block : ['', ...block]));
}

function rowsOf({ exported, skipped, failed }: ExportResult): Row[] {
  return [
    ...exported.map((vm) => ({
      vm: vm.vm,
      result: exportedWord(vm),
      sizeBytes: sizeOf(vm.files),
      seconds: vm.seconds,
      rate: vm.transferredBytes / Math.max(vm.fetchSeconds ?? vm.seconds, 0.001),
      path: vm.output,
    })),
    ...skipped.map(({ vm, reason, files, output: path }) => ({
      vm,
      result: reason === 'unchanged' ? 'unchanged' : 'kept',
      sizeBytes: sizeOf(files),
      path,
    })),
    ...failed.map(({ vm, error }) => ({
      vm,
      result: error.kind === 'interrupted' ? 'interrupted' : 'failed',
      ...(error.kind === 'interrupted' ? {} : { reason: error.message }),
    })),
  ];
}

/** The paths are a column if they fit; otherwise, each is below the row of its VM, as reasons always are. */
function table(rows: readonly Row[], { width, paint }: Look): string[] {
  const columns: (TableColumn & { cell: (row: Row) => string })[] = [
    { header: 'VM', cut: 'middle', cell: ({ vm }) => vm },
    { header: 'RESULT', isState: true, cell: ({ result }) => result },
    {
      header: 'SIZE',
      align: 'right',
      cell: ({ sizeBytes }) => (sizeBytes === undefined ? '' : formatBytes(sizeBytes)),
    },
  ];
  if (width === undefined || width >= TIME_FROM) {
    columns.push({
      header: 'TIME',
      align: 'right',
      cell: ({ seconds }) => (seconds === undefined ? '' : formatDuration(seconds)),
    });
  }
  if (width === undefined || width >= RATE_FROM) {
    columns.push({ header: 'RATE', align: 'right', cell: ({ rate }) => (rate === undefined ? '' : formatRate(rate)) });
  }
  const cells = (list: typeof columns) => rows.map((row) => list.map(({ cell }) => cell(row)));
  const withPath = [...columns, { header: 'PATH', cell: ({ path = '' }: Row) => path }];
  const isWide =
    width === undefined || renderTable(withPath, cells(withPath)).every((line) => textWidth(line) <= width);
  const shown = isWide ? withPath : columns;
  const [header = '', ...lines] = renderTable(shown, cells(shown), width, paint);
  const below = ({ path, reason }: Row): string[] =>
    [isWide ? undefined : path, reason].flatMap((text) => (text === undefined ? [] : [`  ${safeText(text)}`]));
  return [header, ...lines.flatMap((line, index) => [line, ...below(rows[index] ?? { vm: '', result: '' })])];
}

/** What to do about the failures: many VMs have the same hint. */
function hintsOf({ failed }: ExportResult): string[] {
  const hints = failed.flatMap(({ error: { kind, hint } }) =>
    kind === 'interrupted' || hint === undefined ? [] : [safeText(hint)],
  );
  return [...new Set(hints)];
}

function totalsLine({ exported, skipped, failed, share, seconds }: ExportResult, { paint }: Look): string {
  const bytes = exported.reduce((sum, { transferredBytes }) => sum + transferredBytes, 0);
  const rate = seconds === undefined || seconds <= 0 || bytes === 0 ? '' : `, ${formatRate(bytes / seconds)}`;
  const time = seconds === undefined ? '' : ` in ${formatDuration(seconds)}${rate}`;
  const failures = `${failed.length} failed`;
  const counts = [
    `${exported.length} exported`,
    skipped.length > 0 ? `${skipped.length} kept` : '',
    failed.length > 0 ? paint('error', failures) : '',
  ];
  return `${shareWords(share)}${counts.filter(Boolean).join(', ')}, ${formatBytes(bytes)} fetched${time}`;
}

function exportedWord({ bootTest }: VmExportResult): string {
  return bootTest?.problem === undefined ? 'exported' : 'did not boot';
}

function sizeOf(files: readonly { sizeBytes: number }[]): number {
  return files.reduce((sum, { sizeBytes }) => sum + sizeBytes, 0);
}

function shareWords(share: ExportResult['share']): string {
  if (share === undefined) return '';
  const { index, count, vms, ofVms } = share;
  return `Shard ${index}/${count}, ${vms} of ${formatCount(ofVms, 'VM')}: `;
}
