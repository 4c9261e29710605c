import { Command, Flags, type Interfaces } from '@oclif/core';
import { SCHEMA_VERSION } from '../base/records/schema-version.ts';
import { CommandProfile } from './config/command-profile.ts';
import { CONFIG_FLAGS } from './config/config-flags.ts';
import { secretsOf, type Profile, type Settings } from './config/profile.ts';
import { describeError, describeInterruption, errorLines, errorStack } from './text/error-report.ts';
import type { ErrorReport, JsonDocument } from './text/error-report.ts';
import { watchEndingSignals } from './ending-signals.ts';
import { fillOptionalValues, type OptionalValues } from './input/optional-values.ts';
import { CommandLog } from './log/command-log.ts';
import { CommandProgress } from './progress/command-progress.ts';
import { CommandReport } from './run-report/command-report.ts';
import { createExportScreen } from './screen/export-screen.ts';
import type { ExportScreen } from './screen/screen.ts';
import { Redactor } from './text/redact.ts';
import { COLOR_CHOICES, chooseColor, paintFor, paintMessages, type Paint } from './text/color.ts';
import type { Look } from './text/look.ts';
import { foldLines, foldText } from './text/fold-lines.ts';
import { LostOutputError, requireStandardOutput, sayAtOnce } from './standard-output.ts';
import { safeLines } from './text/safe-text.ts';
import { CommandTrace, isDebugging } from './trace/command-trace.ts';
import { asUsageError, passwordFlagError } from './usage-error.ts';

/**
 * The parts that all commands share: `--json` and `--quiet`, the root signal, warnings, and error handling at the end
 * of the process.
 *
 * Standard output contains only the result: text, or one {@link JsonDocument} with `--json`. Everything else goes to
 * standard error. After `run`, `process.exitCode` contains the exit code; the process then ends when nothing is left to
 * do.
 */
export abstract class BaseCommand<Result extends object> extends Command {
  static override enableJsonFlag = true;

  static override baseFlags = {
    json: Flags.boolean({
      char: 'j',
      default: false,
      helpGroup: 'GLOBAL',
      description:
        'Print one JSON document on standard output, for success and failure. All other output goes to standard error.',
    }),
    quiet: Flags.boolean({
      default: false,
      char: 'q',
      helpGroup: 'GLOBAL',
      description: 'Print only warnings and errors, and the result of list, check, jobs, status and a dry run.',
    }),
    debug: Flags.boolean({
      char: 'v',
      default: false,
      helpGroup: 'GLOBAL',
      description:
        'Print a line to standard error for each call to the server, download, retry and external command, with its duration, and the stack of an error. No secret is printed. Else HYPER2KVM_DEBUG=1. HYPER2KVM_TRACE=DIR also records the calls for a bug report: see docs/debugging.md.',
    }),
    color: Flags.option({
      options: COLOR_CHOICES,
      helpGroup: 'GLOBAL',
      description:
        'Use colors: auto (only on a terminal), always or never. Default: auto; NO_COLOR turns them off and FORCE_COLOR turns them on.',
    })(),
    ...CONFIG_FLAGS,
  };

  /** Aborted by SIGINT, SIGTERM and SIGHUP, with an `InterruptedError` as its reason, or by an uncaught error, which is then the reason. */
  protected signal: AbortSignal = new AbortController().signal;
  /** Set from `--quiet` after the flags are parsed. */
  protected quiet = false;
  protected readonly redactor = new Redactor();
  protected readonly warnings: string[] = [];
  protected readonly chosen = new CommandProfile();
  /** For commands with `--log-file`. */
  protected readonly runLog = new CommandLog();
  /** For commands with `--progress`. */
  protected readonly progress = new CommandProgress();
  /** For commands with `--report`. */
  protected readonly runReport = new CommandReport();
  protected readonly trace = new CommandTrace();
  #stopWatching = (): void => {};
  #failure: ErrorReport | undefined;

  abstract override run(): Promise<Result>;

  /** The environment from which settings are read. */
  protected get env(): NodeJS.ProcessEnv {
    return process.env;
  }

  /** Flags with an optional value. */
  protected optionalValues(): OptionalValues {
    return {};
  }

  /** The settings in the profile for the flags of this command. */
  protected settingsOf(profile: Profile): Settings {
    return profile.commands.get(this.id ?? '') ?? new Map();
  }

  /** True when this process does the logged work. */
  protected leavesLog(_flags: Readonly<Record<string, unknown>>): boolean {
    return true;
  }

  /** The result in the form that `--json` prints, with a schema in docs/schemas. */
  protected abstract document(result: Result): object;

  /** What may remain when the user does not wait for the clean-up. */
  protected leftBehindNote(): string {
    return 'Stopped without cleaning up.';
  }

  /** Prints a message to standard error. A command whose screen owns the terminal overrides this. */
  protected say(text: string): void {
    if (this.progress.isOnStandardError) return this.progress.note(text);
    process.stderr.write(`${paintMessages(foldText(text, process.stderr), this.paintOf(process.stderr))}\n`);
  }

  /** Prints lines of the result; nothing with `--json`. */
  protected print(lines: readonly string[]): void {
    if (this.jsonEnabled() || lines.length === 0) return;
    requireStandardOutput();
    const text = foldLines(lines, this.tableWidth()).join('\n');
    process.stdout.write(`${paintMessages(text, this.paintOf(process.stdout))}\n`);
  }

  /** The screen for the work of a command with `--progress`. Its events are also logged. */
  protected async openScreen({ isFleet = false } = {}): Promise<ExportScreen> {
    const { quiet, env, progress } = this;
    const screen = await createExportScreen({ stream: process.stderr, env, quiet, progress: progress.choice, isFleet });
    return this.progress.beside(this.runLog.beside(screen));
  }

  /** The colors for a stream. */
  protected paintOf(stream: { isTTY?: boolean }): Paint {
    return paintFor(stream, this.env);
  }

  /** The look of the result on standard output. */
  protected look(): Look {
    return { width: this.tableWidth(), paint: this.paintOf(process.stdout) };
  }

  /** The width for tables: that of the terminal; undefined for a pipe or a file. */
  protected tableWidth(): number | undefined {
    return process.stdout.isTTY ? process.stdout.columns || 80 : undefined;
  }

  /**
   * Stores a warning for the JSON document and shows it, even with `--quiet`: it may be the only sign that the result
   * is not as intended.
   */
  protected addWarning(message: string): void {
    const clean = this.redactor.clean(message);
    this.warnings.push(clean);
    this.runLog.note('warning', 'warning', `warning: ${clean}`);
    this.progress.warning(clean);
    if (this.progress.isOnStandardError) return;
    this.say(safeLines(`Warning: ${clean}`));
  }

  /** Makes a command that has a result fail with the exit code of `error`. Set `shown` when the screen has already shown the error. */
  protected failWith(error: unknown, { shown = false } = {}): void {
    this.#failure = this.#describe(error);
    process.exitCode = this.#failure.exitCode;
    this.progress.fail(this.#failure);
    this.runReport.fail(this.#failure);
    if (shown) return;
    this.runLog.note('error', 'error', errorLines(this.#failure));
    if (!this.jsonEnabled() && !this.progress.isOnStandardError) this.say(errorLines(this.#failure));
  }

  override async init(): Promise<void> {
    await super.init();
    const watch = watchEndingSignals({
      first: (name) => {
        this.runLog.note('warning', 'signal', `${name}: cleaning up`);
        this.say(`${name}: cleaning up. Press Ctrl-C again to quit immediately.`);
      },
      crash: () => this.say('Internal error: cleaning up.'),
      second: (_name, exitCode) => this.#leaveAtOnce(exitCode),
    });
    this.signal = watch.signal;
    this.#stopWatching = watch.stop;
    if (this.argv.some((word) => /^--password(=|$)/.test(word))) throw passwordFlagError();
    const argv = this.chosen.takeLeftOut(this.argv, { ...this.ctor.baseFlags, ...this.ctor.flags });
    this.argv = fillOptionalValues(argv, this.optionalValues());
  }

  /** Parses the command line and applies the profile to flags that it does not set. */
  protected override async parse<
    F extends Record<string, unknown>,
    B extends Record<string, unknown>,
    A extends Record<string, unknown>,
  >(options?: Interfaces.Input<F, B, A>, argv?: string[]): Promise<Interfaces.ParserOutput<F, B, A>> {
    const parsed = await super.parse(options, argv);
    await this.chosen.apply(parsed, {
      env: this.env,
      commands: this.config.commands,
      settingsOf: (profile) => this.settingsOf(profile),
      optionalValues: this.optionalValues(),
      warn: (message) => this.addWarning(message),
    });
    chooseColor(COLOR_CHOICES.find((known) => known === parsed.flags['color']) ?? 'auto');
    const { profile } = this.chosen;
    for (const secret of profile === undefined ? [] : secretsOf(profile)) this.redactor.add(secret);
    if (!this.leavesLog(parsed.flags)) return parsed;
    const output = {
      flags: parsed.flags,
      command: this.#names().command,
      version: this.config.version,
      clean: (text: string) => this.redactor.clean(text),
      onProblem: (message: string) => this.addWarning(message),
    };
    await this.progress.open({ ...output, command: this.id ?? '' });
    await this.runLog.open(output);
    await this.runReport.open(output);
    await this.trace.open({
      debug: parsed.flags['debug'] === true,
      env: this.env,
      command: this.id ?? '',
      version: this.config.version,
      mask: (text) => this.redactor.mask(text),
      debugLine: (line) => this.#debug(line),
      onProblem: (message) => this.addWarning(message),
    });
    return parsed;
  }

  protected override async catch(error: unknown): Promise<void> {
    if (error instanceof LostOutputError) return;
    const report = this.#describe(this.chosen.explain(asUsageError(error, this.#names())));
    process.exitCode = report.exitCode;
    this.runLog.note('error', 'error', errorLines(report));
    this.progress.fail(report);
    this.runReport.fail(report);
    // In development, oclif would report a command that was not parsed, after the parse error has already been reported.
    this.parsed = true;
    // The flags may be invalid and not parsed.
    if (isDebugging(this.env) || this.argv.includes('--debug'))
      this.say(errorStack(error, (text) => this.redactor.clean(text)));
    if (this.jsonEnabled()) {
      this.logJson({
        schemaVersion: SCHEMA_VERSION,
        ok: false,
        exitCode: report.exitCode,
        error: report,
        warnings: this.warnings,
      });
    } else if (!this.progress.isOnStandardError) this.say(errorLines(report));
  }

  protected override async finally(): Promise<void> {
    const exitCode = Number(process.exitCode ?? 0);
    const folder = this.trace.close(exitCode);
    if (folder !== undefined) {
      this.say(safeLines(`Trace: ${folder}. It holds names of hosts, VMs and users: read it before you send it.`));
    }
    await this.runReport.close(exitCode, this.warnings);
    this.progress.close(exitCode);
    await this.runLog.close(exitCode);
    this.#stopWatching();
  }

  override logJson(json: unknown): void {
    // Errors of single VMs can also contain text from the server.
    const clean = (key: string, value: unknown): unknown =>
      typeof value === 'string' && (key === 'message' || key === 'hint') ? this.redactor.clean(value) : value;
    process.stdout.write(`${JSON.stringify(json, clean, 2)}\n`);
  }

  protected override toSuccessJson(result: Result): JsonDocument<object> {
    return {
      schemaVersion: SCHEMA_VERSION,
      ok: this.#failure === undefined,
      exitCode: this.#failure?.exitCode ?? 0,
      result: this.document(result),
      ...(this.#failure === undefined ? {} : { error: this.#failure }),
      warnings: this.warnings,
    };
  }

  #debug(line: string): void {
    const clean = `debug: ${this.redactor.clean(line)}`;
    this.runLog.note('debug', 'debug', clean);
    this.say(safeLines(clean));
  }

  #describe(error: unknown): ErrorReport {
    const clean = (text: string): string => this.redactor.clean(text);
    return this.signal.aborted ? describeInterruption(this.signal.reason, error, clean) : describeError(error, clean);
  }

  #leaveAtOnce(exitCode: number): void {
    // Bypasses whatever owns the screen, which will not draw again.
    sayAtOnce(`\n${this.leftBehindNote()}`);
    this.runLog.lastNote(this.leftBehindNote());
    process.exit(exitCode);
  }

  #names(): { command: string; flags: string[] } {
    const { flags, baseFlags, id } = this.ctor;
    return {
      command: [this.config.bin, id].join(' '),
      flags: ['json', ...Object.keys(baseFlags ?? {}), ...Object.keys(flags ?? {})],
    };
  }
}
