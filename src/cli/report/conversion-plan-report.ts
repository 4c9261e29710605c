import { basename } from 'node:path';
import { formatBytes } from '../../base/text/amounts.ts';
import type { ConvertPlan } from '../../operations/convert/types.ts';
import { safeText } from '../text/safe-text.ts';
import { renderTable } from '../text/table.ts';
import { CONTAINERS, folderOf, leftOutLines, originWords, sourceWords } from './conversion-words.ts';

/** The result of `convert --dry-run` as text: the source, what would be written, and what prevents the conversion. */
export function conversionPlanReport(plan: ConvertPlan, width: number | undefined): string[] {
  const { source, container, disks, domain, freeBytes, taken, refusal } = plan;
  const table = renderTable(
    [
      { header: 'FILE', cut: 'middle' },
      { header: 'DISK', cut: 'middle' },
      { header: 'FROM', cut: 'end' },
      { header: 'CAPACITY', align: 'right' },
      { header: 'USED', align: 'right' },
      { header: 'EXPECTED', align: 'right' },
    ],
    disks.map((disk) => [
      basename(disk.path),
      originWords(disk),
      sourceWords(disk),
      formatBytes(disk.virtualSizeBytes),
      formatBytes(disk.usedBytes),
      formatBytes(disk.expectedBytes),
    ]),
    width,
  );
  return [
    `${safeText(source)} is ${CONTAINERS[container] ?? safeText(container)}.`,
    '',
    ...table,
    ...leftOutLines(plan.leftOut),
    '',
    `Would write to ${safeText(folderOf(disks))}: ${formatBytes(expectedBytes(plan))} expected, ${formatBytes(freeBytes)} free`,
    ...[...disks.map(({ path }) => path), ...(domain === undefined ? [] : [domain])].map(
      (path) => `  ${safeText(basename(path))}${taken.includes(path) ? '  already exists' : ''}`,
    ),
    ...(refusal === undefined
      ? []
      : [safeText(refusal), 'Choose another --output, or overwrite existing files with --force.']),
  ];
}

/** True when the results may not fit into the free space. They may turn out smaller. */
export function lacksSpace(plan: ConvertPlan): boolean {
  return expectedBytes(plan) > plan.freeBytes;
}

/** True when the results cannot fit into the free space, as far as the source reports its allocated size. */
export function cannotFit({ disks, freeBytes }: ConvertPlan): boolean {
  return disks.reduce((sum, disk) => sum + disk.leastBytes, 0) > freeBytes;
}

function expectedBytes({ disks }: ConvertPlan): number {
  return disks.reduce((sum, disk) => sum + disk.expectedBytes, 0);
}
