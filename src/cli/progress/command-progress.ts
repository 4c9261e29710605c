import { createWriteStream, readdirSync, readFileSync, readlinkSync } from 'node:fs';
import { Hyper2kvmError } from '../../base/errors.ts';
import type { CommandOutputOptions } from '../log/command-log.ts';
import type { ErrorReport } from '../text/error-report.ts';
import { readCount } from '../input/option-values.ts';
import { PROGRESS_CHOICES, type ExportScreen, type ProgressChoice } from '../screen/screen.ts';
import type { ProgressLines } from './progress-lines.ts';

/** The descriptors below are standard input and standard output. */
const FIRST_FD = 2;
const LAST_FD = 1023;

/** How a command shows progress. Before {@link CommandProgress.open}, and without the flags, it is `auto`. */
export class CommandProgress {
  /** What the screen on standard error shows. */
  choice: ProgressChoice = 'auto';
  #lines: ProgressLines | undefined;
  #error: ErrorReport | undefined;

  /**
   * Reads the flags, and begins the lines of `--progress=json`.
   * @throws usage errors.
   */
  async open({ flags, command, version, clean, onProblem }: CommandOutputOptions): Promise<void> {
    const choice = choiceOf(flags);
    const fd = fdOf(flags, choice);
    // Lines in a descriptor of their own leave the screen as it is.
    this.choice = fd === undefined ? choice : 'auto';
    if (choice !== 'json') return;
    const { ProgressLines: Lines } = await import('./progress-lines.ts');
    const write = fd === undefined ? (line: string) => void process.stderr.write(line) : writerOf(fd, onProblem);
    this.#lines = new Lines({ write, command, version, clean });
  }

  /** True when standard error has lines of JSON, and nothing else may be written to it. */
  get isOnStandardError(): boolean {
    return this.choice === 'json';
  }

  /** Wraps `screen` so that its events also become lines. */
  beside(screen: ExportScreen): ExportScreen {
    const lines = this.#lines;
    if (lines === undefined) return screen;
    return {
      showsErrors: screen.showsErrors,
      onEvent: (event) => {
        lines.onEvent(event);
        screen.onEvent(event);
      },
      note: (text) => {
        if (this.isOnStandardError) lines.note(text);
        screen.note(text);
      },
      stop: () => screen.stop(),
    };
  }

  note(text: string): void {
    this.#lines?.note(text);
  }

  warning(message: string): void {
    this.#lines?.warning(message);
  }

  /** The error with which the command ends. */
  fail(error: ErrorReport): void {
    this.#error = error;
  }

  close(exitCode: number): void {
    this.#lines?.end(exitCode, this.#error);
  }
}

function choiceOf({ progress, 'no-progress': isOff }: CommandOutputOptions['flags']): ProgressChoice {
  const choice = PROGRESS_CHOICES.find((known) => known === progress);
  if (isOff !== true) return choice ?? 'auto';
  if (choice === undefined || choice === 'none') return 'none';
  throw new Hyper2kvmError('usage', `--no-progress and --progress=${choice} are mutually exclusive.`);
}

/** Undefined for standard error. */
function fdOf(
  { 'progress-fd': text, detach }: CommandOutputOptions['flags'],
  choice: ProgressChoice,
): number | undefined {
  if (typeof text !== 'string') return undefined;
  if (choice !== 'json') {
    throw new Hyper2kvmError('usage', '--progress-fd has no effect without --progress=json.', {
      hint: 'Add --progress=json.',
    });
  }
  const fd = readCount('--progress-fd', text, FIRST_FD, LAST_FD);
  if (detach === true) {
    throw new Hyper2kvmError('usage', '--progress-fd cannot be used with --detach: the job outlives the descriptor.', {
      hint: 'Follow the job with hyper2kvm jobs show ID --follow, or use --log-file with --log-format=json.',
    });
  }
  if (!isGiven(fd)) {
    const hint = `Open it in the shell, such as ${fd}>progress.jsonl.`;
    throw new Hyper2kvmError('usage', `--progress-fd ${fd} is not open for writing.`, { hint });
  }
  return fd === 2 ? undefined : fd;
}

/**
 * True for a descriptor that the caller has opened. Node has descriptors of its own with low numbers: event queues, and
 * pipes of which this process also has the end that is read.
 */
function isGiven(fd: number): boolean {
  const target = targetOf(fd);
  if (target === undefined || target.startsWith('anon_inode:') || isReadOnly(fd)) return false;
  if (!target.startsWith('pipe:')) return true;
  const others = readdirSync(FD_FOLDER).map(Number);
  return !others.some((other) => other > 2 && targetOf(other) === target && isReadOnly(other));
}

const FD_FOLDER = '/proc/self/fd';

/** What a descriptor refers to, such as a path or `pipe:[4711]`; undefined for one that is not open. */
function targetOf(fd: number): string | undefined {
  try {
    return readlinkSync(`${FD_FOLDER}/${fd}`);
  } catch {
    return undefined;
  }
}

/** The flags of a descriptor are in octal; the last two bits are the access mode, and 0 is O_RDONLY. */
function isReadOnly(fd: number): boolean {
  const [, flags = ''] = /^flags:\s*([0-7]+)$/m.exec(readFileSync(`/proc/self/fdinfo/${fd}`, 'utf8')) ?? [];
  return (Number.parseInt(flags, 8) & 3) === 0;
}

/** The work continues when nobody reads the lines any longer. */
function writerOf(fd: number, onProblem: (message: string) => void): (line: string) => void {
  const stream = createWriteStream('', { fd, autoClose: false });
  stream.once('error', (error) =>
    onProblem(`Progress can no longer be written to descriptor ${fd}: ${error.message}.`),
  );
  return (line) => {
    if (!stream.errored) stream.write(line);
  };
}
