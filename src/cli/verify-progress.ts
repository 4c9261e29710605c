import { formatBytes, formatDuration, formatRate } from '../base/text/amounts.ts';
import type { VerifyProgressEvent } from '../operations/verify/types.ts';
import { RateMeter } from './screen/lines/rate-meter.ts';
import type { ScreenStream } from './screen/screen.ts';
import { safeText } from './text/safe-text.ts';
import { cutEnd } from './text/text-width.ts';

const LIVE_MS = 200;
/** A log gets a line for every minute of work. */
const PLAIN_MS = 60_000;

/** Shows which file is read: one line that is redrawn on a terminal, a line per minute elsewhere. */
export class VerifyProgress {
  readonly #stream: ScreenStream;
  readonly #isLive: boolean;
  readonly #now: () => number;
  #shownAtMs: number;
  #file = '';
  #rate = new RateMeter();
  #isDrawn = false;

  constructor(stream: ScreenStream, env: NodeJS.ProcessEnv, now: () => number = Date.now) {
    this.#stream = stream;
    this.#isLive = stream.isTTY === true && env['TERM'] !== 'dumb';
    this.#now = now;
    this.#shownAtMs = now();
  }

  onEvent(event: VerifyProgressEvent): void {
    const nowMs = this.#now();
    if (event.file !== this.#file) this.#rate = new RateMeter();
    this.#file = event.file;
    this.#rate.add(event.doneBytes, nowMs);
    if (nowMs - this.#shownAtMs < (this.#isLive ? LIVE_MS : PLAIN_MS)) return;
    this.#shownAtMs = nowMs;
    const line = this.#lineFor(event, nowMs);
    if (!this.#isLive) {
      this.#stream.write(`${new Date(nowMs).toISOString().slice(0, 19)}Z ${line}\n`);
      return;
    }
    this.#isDrawn = true;
    this.#stream.write(`\r${cutEnd(line, (this.#stream.columns || 80) - 1)}\u001B[K`);
  }

  /** Removes the line. */
  clear(): void {
    if (this.#isDrawn) this.#stream.write('\r\u001B[K');
    this.#isDrawn = false;
  }

  #lineFor({ file, doneBytes, totalBytes }: VerifyProgressEvent, nowMs: number): string {
    const rate = this.#rate.perSecond(nowMs);
    const left = rate === undefined || rate <= 0 ? undefined : (totalBytes - doneBytes) / rate;
    return [
      `${totalBytes > 0 ? Math.floor((doneBytes / totalBytes) * 100) : 100}% of ${safeText(file)}`,
      `${formatBytes(doneBytes)} of ${formatBytes(totalBytes)}`,
      ...(rate === undefined ? [] : [formatRate(rate)]),
      ...(left === undefined ? [] : [`${formatDuration(left)} left`]),
    ].join(', ');
  }
}
