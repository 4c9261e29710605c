import { paintState, plainPaint, type Paint } from './color.ts';
import { safeText } from './safe-text.ts';
import { cutEnd, cutMiddle, padEnd, padStart, textWidth, wrapWords } from './text-width.ts';

export interface TableColumn {
  header: string;
  align?: 'left' | 'right';
  /**
   * What is shortened when the terminal is too narrow: the middle or the end of long cells. `wrap` breaks cells into
   * lines instead, for sentences in the last column. A column without this setting keeps its width.
   */
  cut?: 'middle' | 'end' | 'wrap';
  /** The column contains states or levels, which have colors. */
  isState?: boolean;
}

/** Minimum width of a column, in terminal columns. */
const LEAST_WIDTH = 8;
const GAP = '  ';

/**
 * Renders a plain aligned table: a header line, then one line per row. Makes cells safe for a terminal. With a `width`,
 * the widest columns that may be cut shrink until a line fits; without one, nothing is cut.
 */
export function renderTable(
  columns: readonly TableColumn[],
  rows: readonly (readonly string[])[],
  width?: number,
  paint: Paint = plainPaint,
): string[] {
  const cells = [columns.map((column) => column.header), ...rows].map((row) =>
    columns.map((_, i) => safeText(row[i] ?? '')),
  );
  const widths = columns.map((_, i) => Math.max(...cells.map((row) => textWidth(row[i] ?? ''))));
  if (width !== undefined) shrink(columns, widths, width);
  const lines = cells.flatMap((row) => unfold(row, columns, widths));
  return lines.map((row, index) => {
    const fitted = columns.map((column, i) => fit(row[i] ?? '', column, widths[i] ?? 0));
    const line = fitted.join(GAP).trimEnd();
    const isTooWide = width !== undefined && textWidth(line) > width;
    if (isTooWide) return cutEnd(line, width);
    if (index === 0) return paint('heading', line);
    return fitted
      .map((cell, i) => (columns[i]?.isState === true ? paintCell(cell, paint) : cell))
      .join(GAP)
      .trimEnd();
  });
}

/** Colors a cell without its padding. */
function paintCell(cell: string, paint: Paint): string {
  const word = cell.trim();
  return cell.replace(word, () => paintState(paint, word));
}

/** Splits a row whose last cell is wrapped into several rows; the other cells are in the first one. */
function unfold(row: readonly string[], columns: readonly TableColumn[], widths: readonly number[]): string[][] {
  const last = columns.length - 1;
  if (columns[last]?.cut !== 'wrap') return [[...row]];
  const [first = '', ...more] = wrapWords(row[last] ?? '', widths[last] ?? 0);
  return [[...row.slice(0, last), first], ...more.map((line) => [...row.slice(0, last).map(() => ''), line])];
}

/** Repeatedly narrows the widest column that may be cut, until the line fits. */
function shrink(columns: readonly TableColumn[], widths: number[], width: number): void {
  let excess = widths.reduce((sum, w) => sum + w, 0) + GAP.length * (columns.length - 1) - width;
  while (excess > 0) {
    const candidates = widths.filter((w, i) => columns[i]?.cut !== undefined && w > LEAST_WIDTH);
    if (candidates.length === 0) return;
    const widest = Math.max(...candidates);
    const index = widths.findIndex((w, i) => w === widest && columns[i]?.cut !== undefined);
    widths[index] = widest - 1;
    excess -= 1;
  }
}

function fit(cell: string, column: TableColumn, width: number): string {
  const text = column.cut === 'middle' ? cutMiddle(cell, width) : column.cut === 'end' ? cutEnd(cell, width) : cell;
  return column.align === 'right' ? padStart(text, width) : padEnd(text, width);
}
