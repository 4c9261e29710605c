import { formatCount } from '../../base/text/amounts.ts';
import type { CheckResult, StatusFinding } from '../../operations/status/types.ts';
import { plainPaint, type Paint } from '../text/color.ts';
import { foldLines } from '../text/fold-lines.ts';
import { findingLines, type Finding } from './finding-lines.ts';

const HEADINGS = { host: 'This host', server: 'Server' } as const;

/** Each finding with its remedy below it, wrapped to `width` and never cut, then the verdict. */
export function checkReport(
  { version, findings }: CheckResult,
  width: number | undefined,
  paint: Paint = plainPaint,
): string[] {
  const all = findings.map(asRow);
  return [
    `hyper2kvm ${version}`,
    ...(['host', 'server'] as const).flatMap((area) => {
      const found = findings.filter((finding) => finding.area === area).map(asRow);
      return found.length === 0
        ? []
        : ['', paint('heading', HEADINGS[area]), ...findingLines(found, width, { all, paint })];
    }),
    '',
    ...foldLines([verdict(findings)], width),
  ];
}

function asRow(finding: StatusFinding): Finding {
  return { state: stateOf(finding), subject: finding.check, detail: finding.detail, hint: finding.hint };
}

/** `optional`: a program that only some commands need is missing. */
function stateOf({ level, hint }: StatusFinding): string {
  return level === 'ok' && hint !== undefined ? 'optional' : level;
}

function verdict(findings: readonly StatusFinding[]): string {
  const count = (state: string): number => findings.filter((finding) => stateOf(finding) === state).length;
  const [errors, warnings, optional] = [count('error'), count('warning'), count('optional')];
  const rest = [
    ...(warnings > 0 ? [formatCount(warnings, 'warning')] : []),
    ...(optional > 0 ? [`${formatCount(optional, 'optional program')} missing`] : []),
  ].join(', ');
  const words = errors > 0 ? `Not ready: ${formatCount(errors, 'error')}` : 'Ready';
  return `${words}${rest === '' ? '' : `${errors > 0 ? ', ' : ': '}${rest}`}.`;
}
