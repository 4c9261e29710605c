import { basename } from 'node:path';
import type { ExportResult, VmExportResult } from '../../operations/export/types.ts';
import { formatBytes, formatCount } from '../../base/text/amounts.ts';
import { skipWords } from '../screen/result-words.ts';
import { safeText } from '../text/safe-text.ts';
import { shellWord } from '../text/shell-word.ts';
import { renderTable } from '../text/table.ts';
import { bootTestReport } from './boot-test-report.ts';
import { defineStep } from './define-step.ts';
import { fixReport } from './fix-report.ts';
import { fleetSummary, warningsOf } from './fleet-summary.ts';
import { hardwareLines } from './hardware-lines.ts';
import { timeWords } from './time-words.ts';

/** Above this number, VMs and their warnings are shown in tables, with one line per VM. */
const MOST_IN_DETAIL = 5;

/** The result of an export as text: each VM with its files, or a table for several VMs; then what was not exported; then the next step. */
export function exportSummary(result: ExportResult, width: number | undefined): string[] {
  const { job, exported, skipped, failed, share } = result;
  const lines =
    exported.length > MOST_IN_DETAIL ? warningsOf(exported) : exported.flatMap((vm) => [...vmSummary(vm, width), '']);
  const isFleet = exported.length + skipped.length + failed.length > 1 || share !== undefined;
  if (isFleet) lines.push(...fleetSummary(result, width));
  else if (skipped.length > 0) lines.push(...skipLines(skipped), '');
  if (failed.length > 0) {
    lines.push(`Not exported: ${failed.map(({ vm }) => safeText(vm)).join(', ')}`);
    lines.push(...failed.flatMap(({ leftBehind }) => leftBehind.map((left) => `  Left behind: ${safeText(left)}`)));
    const kept = failed.flatMap(({ keptForNextRun }) => keptForNextRun);
    if (kept.length > 0) lines.push(`To resume, rerun the same command; it keeps ${safeText(kept.join(', '))}.`);
  }
  lines.push(`Details: hyper2kvm status --job ${job}`);
  return lines;
}

/** The VMs that were not exported again, with the location of the existing export. */
export function skipLines(skipped: ExportResult['skipped']): string[] {
  return skipped.flatMap((each) => [
    `${safeText(each.vm)}: ${skipWords(each)}`,
    `  ${safeText(each.output)}`,
    ...(each.pending ?? []).map((step) => `  Would still be done with its files: --${step}`),
  ]);
}

function vmSummary(result: VmExportResult, width: number | undefined): string[] {
  const {
    files,
    seconds,
    fetchSeconds: workSeconds = seconds,
    transferredBytes,
    disks = [],
    keptDisks,
    warnings,
    quiesced,
  } = result;
  const table = renderTable(
    [
      { header: 'FILE', cut: 'middle' },
      { header: 'SIZE', align: 'right' },
    ],
    files.map((file) => [basename(file.path), formatBytes(file.sizeBytes)]),
    width === undefined ? undefined : width - 2,
  );
  return [
    `Exported ${safeText(result.vm)} to ${safeText(result.output)}`,
    ...table.map((line) => `  ${line}`),
    ...disks.map(({ file, label, datastoreFile }) => `  ${safeText(`${file}: ${label}, ${datastoreFile}`)}`),
    `  ${formatBytes(transferredBytes)} fetched in ${timeWords({ bytes: transferredBytes, workSeconds, seconds })}`,
    ...(keptDisks.length > 0
      ? [`  ${formatCount(keptDisks.length, 'disk')} kept from an earlier run: ${safeText(keptDisks.join(', '))}`]
      : []),
    ...(quiesced === undefined ? [] : [`  Guest quiesced for the snapshot: ${quiesced ? 'yes' : 'no'}`]),
    ...warnings.map((warning) => `  Warning: ${safeText(warning)}`),
    ...(result.changed === undefined ? [] : [`  Why exported: ${result.changed}`]),
    ...generationLines(result.generations),
    ...hardwareLines(result.hardware),
    ...(result.guest === undefined
      ? []
      : indented(fixReport(result.guest, width === undefined ? undefined : width - 2))),
    ...(result.bootTest === undefined ? [] : indented(bootTestReport(result.bootTest))),
    ...nextStep(result),
  ];
}

function generationLines(generations: VmExportResult['generations']): string[] {
  if (generations === undefined) return [];
  const { kept, removed } = generations;
  const older = kept.length > 1 ? `, with ${kept.slice(1).join(', ')} before it` : '';
  const gone = removed.length > 0 ? `; removed ${removed.join(', ')}` : '';
  return [`  Generation ${kept[0]}${older}${gone}`];
}

function indented(lines: readonly string[]): string[] {
  return lines.map((line) => `  ${line}`);
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
