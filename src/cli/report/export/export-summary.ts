import { basename } from 'node:path';
import type { ExportResult, VmExportResult } from '../../../operations/export/types.ts';
import { formatBytes } from '../../../base/text/amounts.ts';
import { skipWords } from '../../screen/result-words.ts';
import type { Look } from '../../text/look.ts';
import { safeText } from '../../text/safe-text.ts';
import { shellWord } from '../../text/shell-word.ts';
import { renderTable } from '../../text/table.ts';
import { defineStep } from '../define-step.ts';
import { timeWords } from '../time-words.ts';
import { fleetSummary } from './fleet-summary.ts';
import { againLines, leftLines } from './next-steps.ts';
import { vmNotes } from './vm-notes.ts';

/**
 * The result of an export as text. A single VM has its files; several have one row each. Then the notes, the totals and
 * the next steps. The error of a single VM is not included, because the command reports it.
 */
export function exportSummary(result: ExportResult, look: Look): string[] {
  const { job, exported, skipped, failed, share } = result;
  const isFleet = exported.length + skipped.length + failed.length !== 1 || share !== undefined;
  const lines = isFleet
    ? fleetSummary(result, look)
    : [...exported.flatMap((vm) => vmSummary(vm, look)), ...skipLines(skipped), ...leftLines(failed)];
  return [...lines, ...againLines(result), `Details: hyper2kvm status --job ${job}`];
}

/** The VMs that were not exported again, with the location of the existing export. */
export function skipLines(skipped: ExportResult['skipped']): string[] {
  return skipped.flatMap((each) => [
    `${safeText(each.vm)}: ${skipWords(each)}`,
    `  ${safeText(each.output)}`,
    ...(each.pending ?? []).map((step) => `  Would still be done with its files: --${step}`),
  ]);
}

function vmSummary(result: VmExportResult, { width, paint }: Look): string[] {
  const { seconds, fetchSeconds: workSeconds = seconds, transferredBytes } = result;
  const inner = { width: width === undefined ? undefined : width - 2, paint };
  return [
    `${paint('ok', 'Exported')} ${safeText(result.vm)} to ${safeText(result.output)}`,
    ...indented(fileTable(result, inner)),
    `  ${formatBytes(transferredBytes)} fetched in ${timeWords({ bytes: transferredBytes, workSeconds, seconds })}`,
    ...indented(vmNotes(result, inner)),
    ...nextStep(result),
  ];
}

function indented(lines: readonly string[]): string[] {
  return lines.map((line) => `  ${line}`);
}

/** The files, and the disk of the VM that each of them came from. */
function fileTable({ files, disks = [] }: VmExportResult, { width, paint }: Look): string[] {
  const sources = new Map(disks.map((disk) => [disk.file, `${disk.label}, ${disk.datastoreFile}`]));
  const rows = files.map(({ path, sizeBytes }) => {
    const file = basename(path);
    return [file, formatBytes(sizeBytes), sources.get(file) ?? ''];
  });
  const columns = [
    { header: 'FILE', cut: 'middle' },
    { header: 'SIZE', align: 'right' },
  ] as const;
  // The disks of an OVA are members of its one file.
  const hasSources = rows.some(([, , source]) => source !== '');
  const table = hasSources
    ? renderTable([...columns, { header: 'SOURCE', cut: 'middle' }], rows, width, paint)
    : renderTable(columns, rows, width, paint);
  const members = hasSources ? [] : [...sources].map(([file, source]) => safeText(`${file}: ${source}`));
  return [...table, ...members];
}

/** Verifying the files at their destination. For images, which have no manifest, defining them as a VM on this host. */
function nextStep({ files, format, output, defined }: VmExportResult): string[] {
  const manifest = files.find((file) => file.path.endsWith('.mf'));
  if (manifest !== undefined) {
    const check = `sha256sum --check ${shellWord(basename(manifest.path))}`;
    return ['  To check the files later:', `    cd ${shellWord(output)} && ${check}`];
  }
  const isImage = format === 'qcow2' || format === 'raw';
  const domain = isImage ? files.find((file) => /\.(xml|yaml)$/.test(file.path)) : undefined;
  return domain === undefined ? [] : defineStep(domain.path, defined);
}
