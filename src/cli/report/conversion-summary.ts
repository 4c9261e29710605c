import { basename } from 'node:path';
import { formatBytes } from '../../base/text/amounts.ts';
import type { ConvertedDisk, ConvertResult } from '../../operations/convert/types.ts';
import { safeText } from '../text/safe-text.ts';
import { renderTable } from '../text/table.ts';
import { defineStep } from './define-step.ts';
import { timeWords } from './time-words.ts';
import { hardwareLines } from './hardware-lines.ts';
import { addressLines } from './address-lines.ts';
import { fixReport } from './fix-report.ts';
import { folderOf, leftOutLines, originWords, sourceWords } from './conversion-words.ts';

const VERIFIED: Readonly<Record<ConvertedDisk['verified'], string>> = {
  'read-back': 'read back',
  checksums: 'source checksums',
  manifest: 'manifest',
  none: 'no',
};

/** The result of a conversion as text: the images, how each was verified, the domain, and the next step. */
export function conversionSummary(result: ConvertResult, width: number | undefined): string[] {
  const { source, disks, domain, hardware, guest, guestNet, warnings, copySeconds, seconds } = result;
  const inner = width === undefined ? undefined : width - 2;
  if (guest?.outcome === 'planned') return fixReport(guest, width);
  const capacityBytes = disks.reduce((sum, disk) => sum + disk.virtualSizeBytes, 0);
  const table = renderTable(
    [
      { header: 'FILE', cut: 'middle' },
      { header: 'DISK', cut: 'middle' },
      { header: 'SIZE', align: 'right' },
      { header: 'CAPACITY', align: 'right' },
      { header: 'FROM', cut: 'end' },
      { header: 'VERIFIED' },
    ],
    disks.map((disk) => [
      basename(disk.path),
      originWords(disk),
      formatBytes(disk.sizeBytes),
      formatBytes(disk.virtualSizeBytes),
      sourceWords(disk),
      VERIFIED[disk.verified],
    ]),
    width === undefined ? undefined : width - 2,
  );
  return [
    `Converted ${safeText(basename(source))} to ${disks[0]?.format ?? ''} in ${safeText(folderOf(disks))}`,
    ...table.map((line) => `  ${line}`),
    `  ${formatBytes(capacityBytes)} of capacity in ${timeWords({ bytes: capacityBytes, workSeconds: copySeconds, seconds })}`,
    ...leftOutLines(result.leftOut).map((line) => `  ${line}`),
    ...warnings.map((warning) => `  Warning: ${safeText(warning)}`),
    ...(guestNet === undefined ? [] : addressLines(guestNet, inner).map((line) => `  ${line}`)),
    ...hardwareLines(hardware),
    ...(guest === undefined
      ? []
      : fixReport(guest, width === undefined ? undefined : width - 2).map((line) => `  ${line}`)),
    ...(domain === undefined
      ? []
      : [
          `  ${domain.endsWith('.yaml') ? 'KubeVirt manifest' : 'libvirt domain'}: ${safeText(basename(domain))}`,
          ...defineStep(domain, result.defined),
        ]),
  ];
}
