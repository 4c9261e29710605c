import { PlainScreen } from '../screen/plain-screen.ts';
import type { ScreenEvent } from '../screen/export-progress.ts';
import { safeText } from '../text/safe-text.ts';
import { LogFile } from './log-file.ts';
import type { LogFormat } from './log-flags.ts';

export type LogLevel = 'debug' | 'info' | 'warning' | 'error';

export interface RunLogOptions {
  path: string;
  format: LogFormat;
  /** Removes secrets from a text. */
  clean: (text: string) => string;
  onProblem: (message: string) => void;
  /** Milliseconds since the epoch. */
  now?: () => number;
}

/** The fields of an event that are included in a JSON line, besides its message. */
const FACTS: ReadonlySet<string> = new Set(
  'vm source target disk step pass attempt attempts waitMs seconds sha256 capacityBytes receivedBytes coveredBytes sizeBytes exitCode'.split(
    ' ',
  ),
);

/** Length of the timestamp that precedes the message of the plain screen: `2026-11-22T14:01:02Z `. */
const STAMP_LENGTH = 21;

/** The log of one run: a line for each event that the plain screen has a message for, and for the command's other messages. */
export class RunLog {
  readonly #options: RunLogOptions & { now: () => number };
  readonly #file: LogFile;
  /** Selects the messages, and the events that deserve a line. */
  readonly #plain: PlainScreen;
  #words: string | undefined;

  private constructor(options: RunLogOptions, file: LogFile) {
    const { now = Date.now } = options;
    this.#options = { ...options, now };
    this.#file = file;
    const take = (line: string): boolean => {
      this.#words = line.slice(STAMP_LENGTH);
      return true;
    };
    this.#plain = new PlainScreen({ write: take }, now);
  }

  /** @throws Hyper2kvmError `local-file` when the file cannot be opened. */
  static async open(options: RunLogOptions): Promise<RunLog> {
    const { path, onProblem } = options;
    const lostLine = (count: number): string =>
      log.#line('warning', 'lines-lost', `${count} lines before this one are missing`);
    const file = await LogFile.open({ path, onProblem, lostLine });
    const log = new RunLog(options, file);
    return log;
  }

  onEvent(event: ScreenEvent): void {
    this.#words = undefined;
    this.#plain.onEvent(event);
    if (this.#words !== undefined) this.#file.write(this.#line(levelOf(event), event.type, this.#words, event));
  }

  /** Logs what is not an event of an operation: start and end of the run, warnings, signals, errors. */
  note(level: LogLevel, event: string, words: string, facts: object = {}): void {
    this.#file.write(this.#line(level, event, words, facts));
  }

  /** The last line of a process that exits without waiting. */
  lastNote(words: string): void {
    this.#file.writeNow(this.#line('error', 'left', words));
  }

  close(): Promise<void> {
    return this.#file.close();
  }

  #line(level: LogLevel, event: string, words: string, facts: object = {}): string {
    const { format, clean, now } = this.#options;
    const time = new Date(now()).toISOString();
    // On the screen, a hint is on its own line.
    const message = safeText(
      clean(
        words
          .split('\n')
          .map((line) => line.trim())
          .filter(Boolean)
          .join(' '),
      ),
    );
    if (format === 'text') return `${time.slice(0, 19)}Z ${message}\n`;
    const known = Object.entries<unknown>({ ...facts })
      .filter(([name, value]) => FACTS.has(name) && ['string', 'number'].includes(typeof value))
      .map(([name, value]) => [name, typeof value === 'string' ? clean(value) : value] as const);
    return `${JSON.stringify({ time, level, event, pid: process.pid, ...Object.fromEntries(known), message })}\n`;
  }
}

function levelOf(event: ScreenEvent): LogLevel {
  if (event.type === 'vm-failed' || (event.type === 'boot-test-finished' && event.failed)) return 'error';
  return event.type === 'warning' || event.type === 'disk-retry' ? 'warning' : 'info';
}
