import type { WriteStream } from 'node:fs';
import { ConsoleLines } from './console-lines.ts';
import { failedUnit, signOf, type ConsoleSign } from './console-signs.ts';

/** A first boot writes some 100 KB. What comes after so many bytes is still read for signs, and not kept. */
const MOST_LOG_BYTES = 16 * 2 ** 20;
/** Shown when nothing else tells why a boot stopped. */
const LAST_LINES = 8;
/** More units than a system has that can fail at once. */
const MOST_UNITS = 100;

/** Reads the serial console of a guest: keeps what it says in a log, and tells the signs in it. */
export class ConsoleWatcher {
  readonly #log: WriteStream;
  readonly #onSign: (sign: ConsoleSign, line: string) => void;
  readonly #lines = new ConsoleLines();
  readonly #last: string[] = [];
  readonly #told = new Set<ConsoleSign>();
  readonly #failedUnits = new Set<string>();
  #lastIsOpen = false;
  #loggedBytes = 0;

  /** Each sign is told once, with its line; a prompt for a passphrase each time that it comes. The caller closes `log`. */
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
    // One that has not ended would be there in pieces.
    for (const line of this.#lastIsOpen ? lines.slice(0, -1) : lines) this.#takeFailedUnit(line);
  }

  /** The newest lines, the last one at the end; a line that goes on is in it as far as it has come. */
  get lastLines(): readonly string[] {
    return this.#last;
  }

  /** What systemd reported of units that failed in this boot, each once, complete and in order. */
  get failedUnits(): readonly string[] {
    return [...this.#failedUnits];
  }

  /** The guest has started anew: what it said before says nothing about this boot. */
  forget(): void {
    this.#told.clear();
    this.#failedUnits.clear();
  }

  #takeFailedUnit(line: string): void {
    const unit = failedUnit(line);
    if (unit !== undefined && this.#failedUnits.size < MOST_UNITS) this.#failedUnits.add(unit);
  }

  #takeLine(line: string): void {
    // The first line of a piece is the open one of the piece before, grown.
    if (this.#lastIsOpen) this.#last.pop();
    this.#lastIsOpen = false;
    this.#last.push(line);
    if (this.#last.length > LAST_LINES) this.#last.shift();
    const sign = signOf(line);
    if (sign !== 'passphrase-prompt') this.#told.delete('passphrase-prompt');
    if (sign === undefined || this.#told.has(sign)) return;
    this.#told.add(sign);
    this.#onSign(sign, line.trim());
  }
}
