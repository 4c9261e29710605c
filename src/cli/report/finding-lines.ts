import { paintState, plainPaint, type Paint } from '../text/color.ts';
import { safeText } from '../text/safe-text.ts';
import { padEnd, textWidth, wrapWords } from '../text/text-width.ts';

/** A row: a word for the result, what it is about, what was found, and how to remedy it. */
export interface Finding {
  state: string;
  subject: string;
  detail: string;
  hint?: string | undefined;
}

/** Below this width, what was found is on its own line, under its subject. */
const LEAST_TABLE_WIDTH = 64;
/** A longer subject is also on a line of its own, so that the details have room. */
const MOST_SUBJECT_SHARE = 0.4;
const GAP = '  ';
const INDENT = 6;

/** Findings with their remedies below them, aligned, wrapped to `width` and never cut. `all` sets the columns. */
export function findingLines(
  findings: readonly Finding[],
  width: number | undefined,
  { all = findings, paint = plainPaint }: { all?: readonly Finding[]; paint?: Paint } = {},
): string[] {
  const states = Math.max(0, ...all.map(({ state }) => textWidth(state)));
  const subjects = Math.max(0, ...all.map(({ subject }) => textWidth(safeText(subject))));
  const isNarrow = width !== undefined && (width < LEAST_TABLE_WIDTH || subjects > width * MOST_SUBJECT_SHARE);
  return findings.flatMap(({ state, subject, detail, hint }) => {
    const texts = [safeText(detail), ...(hint === undefined ? [] : [`Remedy: ${safeText(hint)}`])];
    const start = `${GAP}${padEnd(paintState(paint, state), states)}${GAP}`;
    if (isNarrow) {
      const name = indented(safeText(subject), textWidth(start), width);
      return [start + name.join('\n').trimStart(), ...texts.flatMap((text) => indented(text, INDENT, width))];
    }
    const head = `${start}${padEnd(safeText(subject), subjects)}${GAP}`;
    const [first = '', ...more] = texts.flatMap((text) => indented(text, textWidth(head), width));
    return [head + first.trimStart(), ...more];
  });
}

function indented(text: string, columns: number, width: number | undefined): string[] {
  const lines = width === undefined ? [text] : wrapWords(text, width - columns);
  return lines.map((line) => ' '.repeat(columns) + line);
}
