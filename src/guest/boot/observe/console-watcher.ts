import type { WriteStream } from 'node:fs';
import { ConsoleLines } from './console-lines.ts';
import { failedUnit, signOf, type ConsoleSign } from './console-signs.ts';

/** A first boot writes about 100 KB. Output past this limit is still searched for signs, but not kept. */
const MOST_LOG_BYTES = 16 * 2 ** 20;
/** Shown if nothing else explains why a boot stopped. */
const LAST_LINES = 8;
/** No system has more units that can fail at once. */
const MOST_UNITS = 100;

/** Reads a guest's serial console, writes it to a log, and reports the signs in it. */
export class ConsoleWatcher {
  readonly #log: WriteStream;
  readonly #onSign: (sign: ConsoleSign, line: string) => void;
  readonly #lines = new ConsoleLines();
  readonly #last: string[] = [];
  readonly #reported = new Set<ConsoleSign>();
  readonly #failedUnits = new Set<string>();
  #lastIsOpen = false;
  #loggedBytes = 0;

  /** Reports each sign once, with its line; a passphrase prompt is reported every time. The caller closes `log`. */
  constructor(log: WriteStream, onSign: (sign: ConsoleSign, line: string) => void) {
    this.#log = log;
    this.#onSign = onSign;
  }

  take(piece: Buffer): void {
    const kept = piece.subarray(0, Math.max(0, MOST_LOG_BYTES - this.#loggedBytes));
    this.#loggedBytes += kept.length;
    if (kept.length > 0) this.#log.write(kept);
    const lines = this.#lines.linesIn(piece);
    for (const line of lines) this.#takeLine(line);
    this.#lastIsOpen = this.#lines.isOpen;
    // An open line would be recorded in pieces.
    for (const line of this.#lastIsOpen ? lines.slice(0, -1) : lines) this.#takeFailedUnit(line);
  }

  /** The newest lines, oldest first. The last one may be incomplete. */
  get lastLines(): readonly string[] {
    return this.#last;
  }

  /** The failed units that systemd reported in this boot: each once, complete and in order. */
  get failedUnits(): readonly string[] {
    return [...this.#failedUnits];
  }

  /** Called when the guest restarts: earlier output says nothing about the new boot. */
  forget(): void {
    this.#reported.clear();
    this.#failedUnits.clear();
  }

  #takeFailedUnit(line: string): void {
    const unit = failedUnit(line);
    if (unit !== undefined && this.#failedUnits.size < MOST_UNITS) this.#failedUnits.add(unit);
  }

  #takeLine(line: string): void {
    // The first line of a piece continues the previous piece's open line.
    if (this.#lastIsOpen) this.#last.pop();
    this.#lastIsOpen = false;
    this.#last.push(line);
    if (this.#last.length > LAST_LINES) this.#last.shift();
    const sign = signOf(line);
    if (sign !== 'passphrase-prompt') this.#reported.delete('passphrase-prompt');
    if (sign === undefined || this.#reported.has(sign)) return;
    this.#reported.add(sign);
    this.#onSign(sign, line.trim());
  }
}
