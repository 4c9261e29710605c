import { formatBytes, formatCount, formatDuration } from '../../base/text/amounts.ts';
import type { VerifiedItem, VerifyFinding, VerifyResult } from '../../operations/verify/types.ts';
import { plainPaint, type Paint } from '../text/color.ts';
import { foldLines } from '../text/fold-lines.ts';
import { safeText } from '../text/safe-text.ts';
import { findingLines, type Finding } from './finding-lines.ts';

/** What was verified, item by item, with the remedy of each problem, then the verdict. `quiet` keeps only problems. */
export function verifyReport(
  { items, readBytes, errors, warnings, seconds }: VerifyResult,
  { width, quiet, paint = plainPaint }: { width: number | undefined; quiet: boolean; paint?: Paint },
): string[] {
  const shown = quiet ? items.filter(({ findings }) => findings.some(({ level }) => level !== 'ok')) : items;
  const lines = shown.flatMap(({ path, findings }) => [
    ...foldLines([safeText(path)], width),
    ...findingLines(findings.filter(({ level }) => !quiet || level !== 'ok').map(asRow), width, { paint }),
    '',
  ]);
  const count = `${formatCount(items.length, 'item')} checked, ${formatBytes(readBytes)} read in ${formatDuration(seconds)}`;
  return [...lines, ...foldLines([`${verdict(items, errors, warnings)} ${count}.`], width)];
}

function asRow({ level, file, detail, hint }: VerifyFinding): Finding {
  return { state: level, subject: file, detail, hint };
}

function verdict(items: readonly VerifiedItem[], errors: number, warnings: number): string {
  const rest = warnings === 0 ? '' : `, ${formatCount(warnings, 'warning')}`;
  if (errors === 0) return warnings === 0 ? 'Verified:' : `Verified, with ${formatCount(warnings, 'warning')}:`;
  const bad = items.filter(({ findings }) => findings.some(({ level }) => level === 'error')).length;
  return `Not intact: ${formatCount(errors, 'error')} in ${bad} of ${formatCount(items.length, 'item')}${rest}.`;
}
