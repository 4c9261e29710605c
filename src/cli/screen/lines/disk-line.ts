import type { Format as FormatApi, Options, Params } from 'cli-progress';
import { formatBytes, formatDuration, formatRate } from '../../../base/text/amounts.ts';
import type { Paint } from '../../text/color.ts';
import { safeText } from '../../text/safe-text.ts';
import { cutEnd, cutMiddle, padEnd, padStart } from '../../text/text-width.ts';
import { isRunning, secondsLeft, shareOf, type DiskProgress } from '../export-progress.ts';
import type { Glyphs } from './glyphs.ts';

/** The formatting half of cli-progress: it renders the text of a bar and writes nothing. */
export type BarFormat = Pick<typeof FormatApi, 'Formatter' | 'BarFormat'>;

export interface DiskLineContext {
  /** Width of the line in columns. */
  width: number;
  nowMs: number;
  glyphs: Glyphs;
  format: BarFormat;
  paint: Paint;
  /** Columns of the longest name, so that short names leave more room for the bars. */
  longestName: number;
}

/** Columns of the figures, including two spaces before each: percentage, bytes, rate, time left. */
const FIGURES = { percentage: 6, bytes: 11, rate: 12, left: 14 } as const;
type Figure = keyof typeof FIGURES;

/** The figures that fit on a line of at least this many columns, besides name and bar. */
const LAYOUTS: readonly { from: number; figures: readonly Figure[] }[] = [
  { from: 66, figures: ['percentage', 'bytes', 'rate', 'left'] },
  { from: 50, figures: ['percentage', 'rate', 'left'] },
  { from: 36, figures: ['percentage', 'left'] },
  { from: 0, figures: ['percentage'] },
];

/** One line about one disk, at most `width` columns: a bar while it is in progress, a few words before and after. */
export function diskLine(disk: DiskProgress, context: DiskLineContext): string {
  const { width, glyphs, longestName } = context;
  if (isRunning(disk)) return barLine(disk, context);
  const words = diskWords(disk, context);
  const nameWidth = nameColumns(width, longestName);
  const name = padEnd(cutMiddle(disk.disk, nameWidth, glyphs.ellipsis), nameWidth);
  return paintMark(cutEnd(`${name}  ${words}`, width, glyphs.ellipsis), disk, context);
}

/** The mark follows the name, which ends with two spaces. */
function paintMark(line: string, { phase }: DiskProgress, { glyphs, paint }: DiskLineContext): string {
  if (phase === 'retrying') return line.replace(`  ${glyphs.retry} `, `  ${paint('warning', glyphs.retry)} `);
  if (phase === 'waiting') return line.replace(/ {2}waiting/, `  ${paint('faint', 'waiting')}`);
  return line.replace(`  ${glyphs.done} `, `  ${paint('ok', glyphs.done)} `);
}

function diskWords(disk: DiskProgress, { nowMs, glyphs }: DiskLineContext): string {
  switch (disk.phase) {
    case 'complete':
      return `${glyphs.done} ${formatBytes(disk.sizeBytes)} in ${formatDuration(disk.seconds)}`;
    case 'kept':
      return `${glyphs.done} ${formatBytes(disk.sizeBytes)} kept from an earlier run`;
    case 'retrying': {
      const { attempt = 0, attempts = 0, untilMs = 0, reason = '' } = disk.retry ?? {};
      const wait = Math.max(0, Math.ceil((untilMs - nowMs) / 1000));
      return `${glyphs.retry} try ${attempt} of ${attempts} failed, next in ${wait}s: ${safeText(reason)}`;
    }
    case 'waiting':
    case 'hashing':
    case 'running':
    case 'verifying':
    default:
      return disk.capacityBytes > 0 ? `waiting, ${formatBytes(disk.capacityBytes)}` : 'waiting';
  }
}

/** Labels of passes over a disk that are not a conversion. */
const PASS_WORDS: Readonly<Partial<Record<DiskProgress['phase'], string>>> = {
  hashing: 'hashing    ',
  verifying: 'read back  ',
};

function barLine(disk: DiskProgress, context: DiskLineContext): string {
  const { width, nowMs, glyphs, format, longestName } = context;
  const room = LAYOUTS.find((layout) => width >= layout.from)?.figures ?? [];
  // A pass shows its label in place of the bytes, which the percentage also conveys.
  const pass = room.includes('bytes') ? (PASS_WORDS[disk.phase] ?? '') : '';
  const figures = room.filter((figure) => figure !== 'bytes' || pass === '');
  const figureWidth = figures.reduce((sum, figure) => sum + FIGURES[figure], 0);
  const nameWidth = nameColumns(width, longestName);
  const barWidth = Math.max(0, width - figureWidth - nameWidth - pass.length - 2);
  const name = padEnd(cutMiddle(disk.disk, nameWidth, glyphs.ellipsis), nameWidth);
  const share = shareOf(disk);
  const options: Options = {
    format: `{name}  ${pass}{bar}${figures.map((figure) => `{${figure}Text}`).join('')}`,
    barsize: barWidth,
    barCompleteString: glyphs.barFull.repeat(barWidth),
    barIncompleteString: glyphs.barEmpty.repeat(barWidth),
    barGlue: '',
    formatBar: format.BarFormat,
    // The formatter computes its own times even if they are not needed.
    formatTime: () => '',
  };
  const params: Params = {
    progress: share,
    total: disk.capacityBytes,
    value: disk.coveredBytes,
    eta: 0,
    startTime: nowMs,
    stopTime: nowMs,
    maxWidth: width,
  };
  const line = format.Formatter(options, params, { name, ...figureTexts(disk, share, nowMs) });
  const shown = cutEnd(line.trimEnd(), width, glyphs.ellipsis);
  return paintBar(shown, { start: name.length + 2 + pass.length, width: barWidth }, context);
}

/** The part of the bar that is not done, in the background of the screen. */
function paintBar(line: string, bar: { start: number; width: number }, { glyphs, paint }: DiskLineContext): string {
  const end = bar.start + bar.width;
  const text = line.slice(bar.start, end);
  const full = text.length - text.replace(new RegExp(`^${glyphs.barFull}+`), '').length;
  return line.slice(0, bar.start + full) + paint('faint', text.slice(full)) + line.slice(end);
}

function figureTexts(disk: DiskProgress, share: number, nowMs: number): Record<`${Figure}Text`, string> {
  const rate = disk.received.perSecond(nowMs);
  const left = secondsLeft(disk, nowMs);
  return {
    percentageText: padStart(disk.capacityBytes > 0 ? `${Math.floor(share * 100)}%` : '', FIGURES.percentage),
    bytesText: padStart(formatBytes(disk.receivedBytes), FIGURES.bytes),
    rateText: padStart(rate === undefined ? '' : formatRate(rate), FIGURES.rate),
    leftText: padStart(left === undefined ? '' : `${formatDuration(left)} left`, FIGURES.left),
  };
}

/** The columns for names: about a third of a line, and not more than the longest one needs. */
export function nameColumns(width: number, longest: number): number {
  return Math.min(longest, Math.max(6, Math.min(24, Math.floor(width / 3.5))));
}
