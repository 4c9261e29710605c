import { userInfo } from 'node:os';
import { setFlagsFromString } from 'node:v8';
import { Hyper2kvmError } from '../base/errors.ts';
import type { Bundle } from './bundled-plugin.ts';
import { describeError, errorLines, errorStack } from './text/error-report.ts';
import { wordsFor } from './hyperctl/called-as.ts';
import { asksForCommands, printCommands } from './root-help.ts';
import { longFlags } from './input/short-flags.ts';
import { nearWord } from './text/near-word.ts';
import { redactUrls } from './text/redact.ts';
import { watchStandardOutput } from './standard-output.ts';
import { chooseColor, colorChoiceOf, paintFor, paintMessages } from './text/color.ts';
import { foldText } from './text/fold-lines.ts';
import { isDebugging } from './trace/command-trace.ts';

export interface MainOptions {
  /** The name or path that the program was started with: a link can select another command line. */
  calledAs: string;
  /** The arguments after the program's name. */
  argv: string[];
  bundle: Bundle;
}

/**
 * Runs the command that `argv` names. Never throws: an error is printed to standard error or as a JSON document, and
 * `process.exitCode` contains its code. The process ends when nothing is left to do.
 */
export async function main({ calledAs, argv, bundle }: MainOptions): Promise<void> {
  watchStandardOutput();
  chooseColor(colorChoiceOf(argv));
  describeUser(process.env);
  keepMemorySmall();
  try {
    requireCurrentFolder();
    const given = wordsFor(calledAs, argv);
    const quickAnswer = bundle.quickAnswers[given[0] ?? ''];
    if (quickAnswer) return await quickAnswer(given.slice(1));
    const words = asFlags(longFlags(given));
    checkCommand(words, bundle.manifest.commands);
    if (asksForCommands(words)) return printCommands(bundle, helpWidth(process.stdout));
    const { run, settings } = await import('@oclif/core');
    watchStandardOutput();
    // In development, oclif would look for a TypeScript compiler; Node runs the sources directly.
    settings.enableAutoTranspile = false;
    const { installHelp, takeHelpAll } = await import('./help/command-help.ts');
    const { argv: asked, isFull } = takeHelpAll(words);
    installHelp({ isFull });
    const { BundledPlugin } = await import('./bundled-plugin.ts');
    const { root } = bundle;
    const pjson = withHelpWidth(bundle.pjson, process.stdout);
    const plugin = new BundledPlugin({ ...bundle, pjson });
    await plugin.load();
    // Does not use oclif's flush. Because nothing calls process.exit, Node writes all pending output; flush would wait
    // forever for a reader that has closed its end.
    await run(asked, { root, pjson, plugins: new Map([[plugin.name, plugin]]) });
  } catch (error) {
    tell(error, longFlags(argv));
  }
}

/** Paths on the command line and the default outputs are relative to the current folder. */
function requireCurrentFolder(): void {
  try {
    process.cwd();
  } catch (cause) {
    throw new Hyper2kvmError('local-file', 'The current folder no longer exists.', {
      hint: 'Change to an existing folder with cd.',
      cause,
    });
  }
}

/** Rewrites `hyper2kvm help export`, `hyper2kvm help` and `hyper2kvm -V` to the form that oclif's core supports. */
function asFlags(argv: string[]): string[] {
  if (argv[0] === '-V') return ['--version'];
  return argv[0] === 'help' ? [...argv.slice(1), '--help'] : argv;
}

/** Below 40 columns, nothing folds well. */
function helpWidth({ isTTY, columns }: { isTTY?: boolean; columns?: number }): number {
  return Math.max(40, (isTTY && columns) || 80);
}

/** oclif does not count two columns of indentation of the flag descriptions. */
function withHelpWidth(pjson: Bundle['pjson'], stream: { isTTY?: boolean; columns?: number }): Bundle['pjson'] {
  const maxWidth = helpWidth(stream) - 2;
  return { ...pjson, oclif: { ...pjson.oclif, helpOptions: { ...pjson.oclif.helpOptions, maxWidth } } };
}

function checkCommand(argv: readonly string[], known: Bundle['manifest']['commands']): void {
  const [first] = argv;
  if (first === undefined || ['--help', '-h', '--help-all', '--version'].includes(first) || Object.hasOwn(known, first))
    return;
  const commands = Object.keys(known).filter((name) => known[name]?.hidden !== true);
  const list = `The commands are ${commands.join(', ')}.`;
  if (first.startsWith('-')) {
    const flag = first.split('=', 1)[0] ?? first;
    throw new Hyper2kvmError('usage', `${flag} comes before the command.`, {
      hint: `Give the command first. ${list}`,
    });
  }
  const near = nearWord(first, commands);
  throw new Hyper2kvmError('usage', `There is no command ${redactUrls(first)}.`, {
    hint: near === undefined ? list : `Did you mean ${near}? ${list}`,
  });
}

function tell(error: unknown, argv: readonly string[]): void {
  const report = describeError(error);
  process.exitCode = report.exitCode;
  if (isDebugging(process.env) || argv.includes('--debug')) process.stderr.write(`${errorStack(error, redactUrls)}\n`);
  if (argv.includes('--json')) {
    const document = { ok: false, exitCode: report.exitCode, error: report, warnings: [] };
    process.stdout.write(`${JSON.stringify(document, null, 2)}\n`);
  } else
    process.stderr.write(`${paintMessages(foldText(errorLines(report), process.stderr), paintFor(process.stderr))}\n`);
}

/**
 * oclif reads the home directory and the shell, and Node throws for a user with neither HOME and SHELL nor an entry in
 * passwd. HOME becomes empty rather than a shared folder, because job records are stored under it.
 */
function describeUser(env: NodeJS.ProcessEnv): void {
  try {
    userInfo();
  } catch {
    env['HOME'] ??= '';
    env['SHELL'] ??= 'unknown';
  }
}

/**
 * A download arrives in short-lived buffers of 16 KiB. In a young generation of V8's default size (16 MiB and more),
 * thousands of them wait for garbage collection. Measured over a 2 GiB export on Node 24: a peak of 120 MB instead of
 * 205 MB, and a third less CPU time.
 */
function keepMemorySmall(): void {
  setFlagsFromString('--semi-space-growth-factor=1');
}
