/** The screen of a terminal from a point in time on: lines with the escape sequences of their colors. */
export interface Frame {
  atMs: number;
  lines: readonly string[];
}

export interface SvgOptions {
  columns: number;
  rows: number;
  /** What the picture shows, for readers who do not see it. */
  title: string;
}

const CELL = { width: 8.4, height: 18 };
const PADDING = 14;
/** How long the last frame stays before the recording begins again. */
const END_MS = 5000;

const COLORS: Readonly<Record<string, string>> = {
  '31': '#ff7b72',
  '32': '#7ee787',
  '33': '#e3b341',
  '34': '#79c0ff',
  '35': '#d2a8ff',
  '36': '#76e3ea',
  '90': '#8b949e',
};

/** A line that stays unchanged from one point in time to another. */
interface Span {
  row: number;
  line: string;
  fromMs: number;
  /** Undefined if it stays to the end. */
  toMs: number | undefined;
}

/**
 * Makes an animated SVG of a terminal, without scripts. Each line is drawn once for the time in which it does not change.
 * A reader who prefers no motion sees the last frame.
 */
export function terminalSvg(frames: readonly Frame[], { columns, rows, title }: SvgOptions): string {
  const spans = spansOf(frames, rows);
  const totalMs = (frames.at(-1)?.atMs ?? 0) + END_MS;
  const percent = (ms: number): string => `${((ms / totalMs) * 100).toFixed(2)}%`;
  const times = new Map<string, string>();
  const texts = spans.map(({ row, line, fromMs, toMs }) => {
    const content = tspans(line);
    if (content === '') return '';
    const key = `${fromMs}-${toMs ?? ''}`;
    const name = times.get(key) ?? `t${times.size}`;
    times.set(key, name);
    const y = PADDING + (row + 0.75) * CELL.height;
    return `<text class="${name}${toMs === undefined ? ' end' : ''}" x="${PADDING}" y="${y.toFixed(1)}">${content}</text>`;
  });
  const rules = [...times].map(([key, name]) => {
    const [from = 0, to = 0] = key.split('-').map(Number);
    const start = from === 0 ? '' : '0%{visibility:hidden}';
    const end = to === 0 ? '' : `${percent(to)}{visibility:hidden}`;
    return `@keyframes ${name}{${start}${percent(from)}{visibility:visible}${end}}.${name}{animation-name:${name}}`;
  });
  const [width, height] = [columns * CELL.width + 2 * PADDING, rows * CELL.height + 2 * PADDING];
  return `<svg xmlns="http://www.w3.org/2000/svg" viewBox="0 0 ${width.toFixed(0)} ${height}" role="img">
<title>${escaped(title)}</title>
<style>
text{font:14px/1 ui-monospace,SFMono-Regular,Menlo,Consolas,"DejaVu Sans Mono",monospace;fill:#e6edf3;white-space:pre;animation:${(totalMs / 1000).toFixed(2)}s step-end infinite}
.b{font-weight:bold}.d{opacity:.65}
${rules.join('\n')}
@media (prefers-reduced-motion:reduce){text{animation:none;visibility:hidden}text.end{visibility:visible}}
</style>
<rect width="100%" height="100%" rx="8" fill="#0d1117"/>
${texts.filter(Boolean).join('\n')}
</svg>
`;
}

function spansOf(frames: readonly Frame[], rows: number): Span[] {
  const spans: Span[] = [];
  for (let row = 0; row < rows; row += 1) {
    let open: Span | undefined;
    for (const { atMs, lines } of frames) {
      const line = lines[row] ?? '';
      if (open?.line === line) continue;
      if (open !== undefined) open.toMs = atMs;
      open = { row, line, fromMs: atMs, toMs: undefined };
      spans.push(open);
    }
  }
  return spans;
}

/** Each part of a line with one style, at its own column: fonts differ in the width of some symbols. */
function tspans(line: string): string {
  // oxlint-disable-next-line no-control-regex
  const parts = line.split(/\u001b\[([\d;]*)m/);
  const style = { color: '', bold: false, faint: false };
  let column = 0;
  let result = '';
  for (const [index, part] of parts.entries()) {
    if (index % 2 === 1) {
      for (const code of part === '' ? ['0'] : part.split(';')) apply(code, style);
      continue;
    }
    for (const { 0: word, index: place } of part.matchAll(/\S+(?: \S+)*/g)) {
      const x = PADDING + (column + place) * CELL.width;
      const classes = [style.bold ? 'b' : '', style.faint ? 'd' : ''].filter(Boolean).join(' ');
      const attributes = [
        `x="${x.toFixed(1)}"`,
        ...(classes === '' ? [] : [`class="${classes}"`]),
        ...(style.color === '' ? [] : [`fill="${style.color}"`]),
      ];
      result += `<tspan ${attributes.join(' ')}>${escaped(word)}</tspan>`;
    }
    column += part.length;
  }
  return result;
}

function apply(code: string, style: { color: string; bold: boolean; faint: boolean }): void {
  const number = Number(code);
  if (number === 0) Object.assign(style, { color: '', bold: false, faint: false });
  else if (number === 1) style.bold = true;
  else if (number === 2) style.faint = true;
  else if (number === 22) Object.assign(style, { bold: false, faint: false });
  else if (number === 39) style.color = '';
  else style.color = COLORS[code] ?? style.color;
}

function escaped(text: string): string {
  return text.replaceAll('&', '&amp;').replaceAll('<', '&lt;').replaceAll('>', '&gt;');
}
