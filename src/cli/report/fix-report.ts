import type { Change } from '../../guest/change.ts';
import type { BootCheck, BootReport } from '../../guest/contract/boot-check.ts';
import type { FixReport } from '../../operations/fix-guest/types.ts';
import { formatCount, formatDuration } from '../../base/text/amounts.ts';
import { safeText } from '../text/safe-text.ts';
import { renderTable } from '../text/table.ts';

/** The changes to a guest, made or planned, as text: a row for each change, and what could not be fixed. */
export function fixReport(report: FixReport, width: number | undefined): string[] {
  if (report.outcome === 'not-fixed') {
    const hint = report.hint === undefined ? '' : ` ${safeText(report.hint)}`;
    return [`The guest was not fixed: ${safeText(report.reason)}${hint}`];
  }
  const { changes, warnings, boot, bootBefore } = report;
  return [
    headline(report),
    ...(changes.length === 0 ? [] : changeTable(changes, width)),
    ...(bootBefore === undefined ? [] : bootLines('Boot checks as it is', bootBefore)),
    ...bootLines(report.outcome === 'planned' ? 'Boot checks after the changes' : 'Boot checks', boot),
    ...warnings.map((warning) => `  Warning: ${safeText(warning)}`),
    ...(changes.some(({ backup }) => backup !== undefined) && report.outcome === 'fixed'
      ? ['  Original files are kept in the guest under /var/lib/hyper2kvm/backup.']
      : []),
  ];
}

const VERDICTS: Readonly<Record<BootReport['verdict'], string>> = {
  ready: 'ready',
  'not-ready': 'not ready',
  unknown: 'cannot be judged',
};

/** The verdict, and each failed check. */
export function bootLines(title: string, { verdict, checks }: BootReport): string[] {
  const shown = checks.filter((check) => check.verdict !== 'ready');
  return [
    `  ${title}: ${VERDICTS[verdict]} (${formatCount(checks.length, 'check')})`,
    ...shown.map((check) => `    ${checkLine(check)}`),
  ];
}

function checkLine({ verdict, isAdvisory, file, line, reason }: BootCheck): string {
  const place = line === undefined ? file : `${file}:${line}`;
  return `${VERDICTS[verdict]}${isAdvisory === true ? ' (does not count)' : ''}: ${safeText(`${place}: ${reason}`)}`;
}

function headline({ outcome, system, root, changes, seconds }: Exclude<FixReport, { outcome: 'not-fixed' }>): string {
  const guest = `${safeText(system)} on ${safeText(root)}`;
  if (changes.length === 0) return `Guest: ${guest} needs no change`;
  const count = formatCount(changes.length, 'change');
  if (outcome === 'planned') return `Guest: ${guest} would get ${count}`;
  return `Guest: ${guest} got ${count} in ${formatDuration(seconds)}`;
}

function changeTable(changes: readonly Change[], width: number | undefined): string[] {
  const rows = changes.flatMap(({ fix, action, path, details }) =>
    details.map((detail, index) => (index === 0 ? [fix, action, path, detail] : ['', '', '', detail])),
  );
  const columns = [
    { header: 'FIX' },
    { header: 'ACTION' },
    { header: 'PATH', cut: 'middle' },
    { header: 'WHAT', cut: 'wrap' },
  ] as const;
  return renderTable(columns, rows, width === undefined ? undefined : width - 2).map((line) => `  ${line}`);
}
