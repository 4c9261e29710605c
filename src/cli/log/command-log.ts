import { Hyper2kvmError } from '../../base/errors.ts';
import type { ExportScreen } from '../screen/screen.ts';
import type { ScreenEvent } from '../screen/export-progress.ts';
import { readChoice } from '../input/option-values.ts';
import { LOG_FORMATS } from './log-flags.ts';
import type { LogLevel, RunLog } from './run-log.ts';

/** What the log, the progress lines and the report of a command are opened with. */
export interface CommandOutputOptions {
  /** The effective flags, including those from the profile. */
  flags: Readonly<Record<string, unknown>>;
  /** `hyper2kvm export` */
  command: string;
  version: string;
  clean: (text: string) => string;
  onProblem: (message: string) => void;
}

/** The log of a command. Nothing is written without `--log-file`, or before the flags are parsed. */
export class CommandLog {
  #log: RunLog | undefined;
  #command = '';

  /**
   * Opens the log if the flags name one.
   * @throws usage errors; Hyper2kvmError `local-file`.
   */
  async open({ flags, command, version, clean, onProblem }: CommandOutputOptions): Promise<void> {
    const { 'log-file': path, 'log-format': format } = flags;
    if (format !== undefined && path === undefined) {
      throw new Hyper2kvmError('usage', '--log-format has no effect without --log-file.', {
        hint: 'Add --log-file FILE.',
      });
    }
    if (typeof path !== 'string') return;
    if (path === '') throw new Hyper2kvmError('usage', '--log-file is empty.', { hint: 'Name a file.' });
    const chosen = typeof format === 'string' ? readChoice('--log-format', format, LOG_FORMATS) : 'text';
    const { RunLog: Log } = await import('./run-log.ts');
    this.#log = await Log.open({ path, format: chosen, clean, onProblem });
    this.#command = command;
    this.note('info', 'run-started', `${command} ${version} started, process ${process.pid}`);
  }

  onEvent(event: ScreenEvent): void {
    this.#log?.onEvent(event);
  }

  note(level: LogLevel, event: string, words: string): void {
    this.#log?.note(level, event, words);
  }

  lastNote(words: string): void {
    this.#log?.lastNote(words);
  }

  /** Wraps `screen` so that its events are also logged. */
  beside(screen: ExportScreen): ExportScreen {
    const log = this.#log;
    if (log === undefined) return screen;
    return {
      showsErrors: screen.showsErrors,
      onEvent: (event) => {
        log.onEvent(event);
        screen.onEvent(event);
      },
      note: (text) => screen.note(text),
      stop: () => screen.stop(),
    };
  }

  async close(exitCode: number): Promise<void> {
    const level = exitCode === 0 ? 'info' : 'error';
    this.#log?.note(level, 'run-ended', `${this.#command} ended with exit code ${exitCode}`, { exitCode });
    await this.#log?.close();
  }
}
