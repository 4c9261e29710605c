import { formatCount } from '../../base/text/amounts.ts';
import type { CheckResult, StatusFinding } from '../../operations/status/types.ts';
import { foldLines } from '../text/fold-lines.ts';
import { safeText } from '../text/safe-text.ts';
import { padEnd, textWidth, wrapWords } from '../text/text-width.ts';

/** Below this width, what was found is on its own line, under the name of the check. */
const LEAST_TABLE_WIDTH = 64;
const GAP = '  ';
const HEADINGS = { host: 'This host', server: 'Server' } as const;

/** Each finding with its remedy below it, wrapped to `width` and never cut, then the verdict. */
export function checkReport({ version, findings }: CheckResult, width: number | undefined): string[] {
  const areas = (['host', 'server'] as const).map((area) => ({
    area,
    found: findings.filter((finding) => finding.area === area),
  }));
  const checkWidth = Math.max(...findings.map(({ check }) => textWidth(safeText(check))));
  return [
    `hyper2kvm ${version}`,
    ...areas.flatMap(({ area, found }) =>
      found.length === 0
        ? []
        : ['', HEADINGS[area], ...found.flatMap((finding) => findingLines(finding, { checkWidth, width }))],
    ),
    '',
    ...foldLines([verdict(findings)], width),
  ];
}

function findingLines(
  { check, detail, hint, ...finding }: StatusFinding,
  { checkWidth, width }: { checkWidth: number; width: number | undefined },
): string[] {
  const word = padEnd(stateOf({ ...finding, hint }), 'optional'.length);
  const texts = [safeText(detail), ...(hint === undefined ? [] : [`Remedy: ${safeText(hint)}`])];
  if (width !== undefined && width < LEAST_TABLE_WIDTH) {
    return [`${GAP}${word}${GAP}${safeText(check)}`, ...texts.flatMap((text) => indented(text, 6, width))];
  }
  const start = `${GAP}${word}${GAP}${padEnd(safeText(check), checkWidth)}${GAP}`;
  const [first = '', ...more] = texts.flatMap((text) => indented(text, textWidth(start), width));
  return [start + first.trimStart(), ...more];
}

/** `optional`: a program that only some commands need is missing. */
function stateOf({ level, hint }: Pick<StatusFinding, 'level'> & { hint: string | undefined }): string {
  return level === 'ok' && hint !== undefined ? 'optional' : level;
}

function indented(text: string, columns: number, width: number | undefined): string[] {
  const lines = width === undefined ? [text] : wrapWords(text, width - columns);
  return lines.map((line) => ' '.repeat(columns) + line);
}

function verdict(findings: readonly StatusFinding[]): string {
  const count = (level: string): number =>
    findings.filter((finding) => stateOf({ hint: undefined, ...finding }) === level).length;
  const [errors, warnings, optional] = [count('error'), count('warning'), count('optional')];
  const rest = [
    ...(warnings > 0 ? [formatCount(warnings, 'warning')] : []),
    ...(optional > 0 ? [`${formatCount(optional, 'optional program')} missing`] : []),
  ].join(', ');
  const words = errors > 0 ? `Not ready: ${formatCount(errors, 'error')}` : 'Ready';
  return `${words}${rest === '' ? '' : `${errors > 0 ? ', ' : ': '}${rest}`}.`;
}
