import { formatBytes, formatCount, formatDuration, formatRate } from '../../../base/text/amounts.ts';
import type { RunTotals } from '../../../operations/export/types.ts';
import type { Paint } from '../../text/color.ts';
import { textWidth } from '../../text/text-width.ts';
import type { Glyphs } from './glyphs.ts';
import { RateMeter } from './rate-meter.ts';

export interface TotalsLineContext {
  /** Width of the line in columns. */
  width: number;
  nowMs: number;
  glyphs: Glyphs;
  paint: Paint;
}

/** A part of the line. Where the line is too narrow, the parts with the highest number are left out first. */
interface Part {
  text: string;
  shown?: string;
  rank: number;
}

/** The line about all VMs of a run: `2/5 VMs · 41% · 1.2/3.0 GiB · 15 MiB/s · ETA 2m10s · 1m31s`. */
export class TotalsLine {
  readonly #startedAtMs: number;
  readonly #received = new RateMeter();
  readonly #covered = new RateMeter();
  #totals: Omit<RunTotals, 'percent'> | undefined;
  #percent: number | undefined;

  constructor(startedAtMs: number) {
    this.#startedAtMs = startedAtMs;
  }

  take({ percent, ...totals }: RunTotals, nowMs: number): void {
    this.#totals = totals;
    this.#percent = percent;
    this.#received.add(totals.receivedBytes, nowMs);
    this.#covered.add(totals.coveredBytes, nowMs);
  }

  /** More than one VM; otherwise the line repeats what the lines above it show. */
  get isOfSeveral(): boolean {
    return (this.#totals?.vms ?? 0) > 1;
  }

  /** Empty before the VMs are known. */
  text({ width, nowMs, glyphs, paint }: TotalsLineContext): string {
    if (this.#totals === undefined) return '';
    const separator = ` ${glyphs.separator} `;
    const parts = this.#parts(this.#totals, nowMs, paint);
    while (parts.length > 1 && widthOf(parts, separator) > width) {
      const last = Math.max(...parts.map(({ rank }) => rank));
      parts.splice(
        parts.findIndex(({ rank }) => rank === last),
        1,
      );
    }
    return parts.map(({ text, shown = text }) => shown).join(paint('faint', separator));
  }

  #parts(totals: Omit<RunTotals, 'percent'>, nowMs: number, paint: Paint): Part[] {
    const { vms, exported, skipped, failed, capacityBytes, coveredBytes } = totals;
    const rate = this.#received.perSecond(nowMs);
    const left = this.#secondsLeft(capacityBytes - coveredBytes, nowMs);
    const failures = `${failed} failed`;
    const parts: (Part | false)[] = [
      vms > 1 && { text: `${exported + skipped + failed}/${formatCount(vms, 'VM')}`, rank: 0 },
      failed > 0 && vms > 1 && { text: failures, shown: paint('error', failures), rank: 2 },
      this.#percent !== undefined && { text: `${this.#percent}%`, rank: 1 },
      capacityBytes > 0 && { text: bytesOf(coveredBytes, capacityBytes), rank: 6 },
      rate !== undefined && { text: formatRate(rate), rank: 4 },
      left !== undefined && { text: `ETA ${compact(left)}`, rank: 3 },
      { text: compact((nowMs - this.#startedAtMs) / 1000), rank: 5 },
    ];
    return parts.filter((part) => part !== false);
  }

  #secondsLeft(bytes: number, nowMs: number): number | undefined {
    const rate = this.#covered.perSecond(nowMs);
    return rate === undefined || rate <= 0 || bytes <= 0 ? undefined : bytes / rate;
  }
}

/** `1.2/3.0 GiB`: the unit once, if both have the same. */
function bytesOf(done: number, all: number): string {
  const [left = '', unit] = formatBytes(done).split(' ');
  const right = formatBytes(all);
  return right.endsWith(` ${unit}`) ? `${left}/${right}` : `${left} ${unit}/${right}`;
}

function compact(seconds: number): string {
  return formatDuration(seconds).replace(' ', '');
}

function widthOf(parts: readonly Part[], separator: string): number {
  return textWidth(parts.map(({ text }) => text).join(separator));
}
