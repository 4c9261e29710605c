import { Command, Flags, type Interfaces } from '@oclif/core';
import { CommandProfile } from './config/command-profile.ts';
import { CONFIG_FLAGS } from './config/config-flags.ts';
import { secretsOf, type Profile, type Settings } from './config/profile.ts';
import { describeError, describeInterruption, errorLines, errorStack } from './error-report.ts';
import type { ErrorReport, JsonDocument } from './error-report.ts';
import { watchEndingSignals } from './ending-signals.ts';
import { fillOptionalValues, type OptionalValues } from './input/optional-values.ts';
import { CommandLog } from './log/command-log.ts';
import { Redactor } from './redact.ts';
import { foldLines, foldText } from './text/fold-lines.ts';
import { LostOutputError, requireStandardOutput, sayAtOnce } from './standard-output.ts';
import { safeLines } from './text/safe-text.ts';
import { CommandTrace, isDebugging } from './trace/command-trace.ts';
import { asUsageError, passwordFlagError } from './usage-error.ts';

/** The version of the documents of `--json`. The validator of records, which counts with it, is not loaded here. */
const JSON_SCHEMA_VERSION = 1;

/**
 * What all commands share: `--json` and `--quiet`, the root signal, warnings, and how an error ends the process.
 *
 * Standard output carries the result alone: text for people, or one {@link JsonDocument} under `--json`. Everything else goes
 * to standard error. The exit code stands in `process.exitCode` when `run` is over; the process then ends by itself.
 */
export abstract class BaseCommand<Result extends object> extends Command {
  static override enableJsonFlag = true;

  static override baseFlags = {
    json: Flags.boolean({
      default: false,
      helpGroup: 'GLOBAL',
      description:
        'Print one JSON document on standard output, for success and failure. All other output goes to standard error.',
    }),
    quiet: Flags.boolean({
      default: false,
      char: 'q',
      helpGroup: 'GLOBAL',
      description: 'Print only warnings and errors, and the result of list, status and a dry run.',
    }),
    debug: Flags.boolean({
      default: false,
      helpGroup: 'GLOBAL',
      description:
        'Print a line to standard error for each call to the server, download, retry and external command, with its duration, and the stack of an error. No secret is printed. Else HYPER2KVM_DEBUG=1. HYPER2KVM_TRACE=DIR also records the calls for a bug report: see docs/debugging.md.',
    }),
    ...CONFIG_FLAGS,
  };

  /** Aborted by SIGINT, SIGTERM and SIGHUP, with an `InterruptedError` as its reason, or by an error that nobody caught. */
  protected signal: AbortSignal = new AbortController().signal;
  /** Set from `--quiet` once the flags are read. */
  protected quiet = false;
  protected readonly redactor = new Redactor();
  protected readonly warnings: string[] = [];
  protected readonly chosen = new CommandProfile();
  /** Of commands with `--log-file`. */
  protected readonly runLog = new CommandLog();
  protected readonly trace = new CommandTrace();
  #stopWatching = (): void => {};
  #failure: ErrorReport | undefined;

  abstract override run(): Promise<Result>;

  /** The environment that settings come from. */
  protected get env(): NodeJS.ProcessEnv {
    return process.env;
  }

  /** Flags whose value can be left out. */
  protected optionalValues(): OptionalValues {
    return {};
  }

  /** What the profile says about the flags of this command. */
  protected settingsOf(profile: Profile): Settings {
    return profile.commands.get(this.id ?? '') ?? new Map();
  }

  /** Whether this process does the work that a log tells of. */
  protected leavesLog(_flags: Readonly<Record<string, unknown>>): boolean {
    return true;
  }

  /** The result as `--json` prints it: a document of docs/schemas. */
  protected abstract document(result: Result): object;

  /** What may be left behind when the user does not wait for the clean-up. */
  protected leftBehindNote(): string {
    return 'Stopped without cleaning up.';
  }

  /** Puts a message for people on standard error. A command whose screen owns the terminal sends it there. */
  protected say(text: string): void {
    process.stderr.write(`${foldText(text, process.stderr)}\n`);
  }

  /** Lines of the result for people; nothing under `--json`. */
  protected print(lines: readonly string[]): void {
    if (this.jsonEnabled() || lines.length === 0) return;
    requireStandardOutput();
    process.stdout.write(`${foldLines(lines, this.tableWidth()).join('\n')}\n`);
  }

  /** The width for tables: that of the terminal, or none for a pipe or a file. */
  protected tableWidth(): number | undefined {
    return process.stdout.isTTY ? process.stdout.columns || 80 : undefined;
  }

  /** Keeps a warning for the JSON document and shows it, also under `--quiet`: it may be the only sign that a result is not what was wanted. */
  protected addWarning(message: string): void {
    const clean = this.redactor.clean(message);
    this.warnings.push(clean);
    this.runLog.note('warning', 'warning', `warning: ${clean}`);
    this.say(safeLines(`Warning: ${clean}`));
  }

  /** Ends the command badly although it has a result: the exit code is that of `error`. `shown` when the user has read it. */
  protected failWith(error: unknown, { shown = false } = {}): void {
    this.#failure = this.#describe(error);
    process.exitCode = this.#failure.exitCode;
    if (shown) return;
    this.runLog.note('error', 'error', errorLines(this.#failure));
    if (!this.jsonEnabled()) this.say(errorLines(this.#failure));
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

  /** Reads the command line, and the profile for what it does not name. */
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
    const { profile } = this.chosen;
    for (const secret of profile === undefined ? [] : secretsOf(profile)) this.redactor.add(secret);
    if (!this.leavesLog(parsed.flags)) return parsed;
    await this.runLog.open({
      flags: parsed.flags,
      command: this.#names().command,
      version: this.config.version,
      clean: (text) => this.redactor.clean(text),
      onProblem: (message) => this.addWarning(message),
    });
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
    // oclif would complain, in development, about a command that was not parsed: the parse error has just been told.
    this.parsed = true;
    // The flags may be what is wrong, and not parsed.
    if (isDebugging(this.env) || this.argv.includes('--debug'))
      this.say(errorStack(error, (text) => this.redactor.clean(text)));
    if (this.jsonEnabled()) {
      this.logJson({
        schemaVersion: JSON_SCHEMA_VERSION,
        ok: false,
        exitCode: report.exitCode,
        error: report,
        warnings: this.warnings,
      });
    } else this.say(errorLines(report));
  }

  protected override async finally(): Promise<void> {
    const exitCode = Number(process.exitCode ?? 0);
    const folder = this.trace.close(exitCode);
    if (folder !== undefined) {
      this.say(safeLines(`Trace: ${folder}. It holds names of hosts, VMs and users: read it before you send it.`));
    }
    await this.runLog.close(exitCode);
    this.#stopWatching();
  }

  override logJson(json: unknown): void {
    // A server's words can be in the errors of single VMs too.
    const clean = (key: string, value: unknown): unknown =>
      typeof value === 'string' && (key === 'message' || key === 'hint') ? this.redactor.clean(value) : value;
    process.stdout.write(`${JSON.stringify(json, clean, 2)}\n`);
  }

  protected override toSuccessJson(result: Result): JsonDocument<object> {
    return {
      schemaVersion: JSON_SCHEMA_VERSION,
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
    // Past whatever owns the screen, which will not draw again.
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
