import { execFile } from 'node:child_process';
import { mkdtemp, rm, writeFile } from 'node:fs/promises';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { promisify } from 'node:util';
import { sentenceOf, Hyper2kvmError } from '../../base/errors.ts';
import { childEnvironment } from '../../base/process/child-environment.ts';
import { findProgram } from '../../base/process/find-program.ts';
import { foreignText } from '../../base/text/foreign-text.ts';
import { secretTexts, UNDERSTOOD_COMMANDS, withoutSecrets, type CustomizeCommand } from './command-file.ts';
import { MissingVirtCustomizeError } from './customize-errors.ts';

const LIMIT_MS = 30_000;
const MOST_OUTPUT_BYTES = 2 ** 20;

/** An installed virt-customize. */
export interface VirtCustomize {
  path: string;
  /** The names of its options, without dashes. Commands in a file are a part of them. */
  options: ReadonlySet<string>;
}

/**
 * Finds virt-customize and asks it for its options.
 * @throws kind `host` if it is not installed, or does not answer.
 */
export async function findVirtCustomize(env: NodeJS.ProcessEnv, signal: AbortSignal): Promise<VirtCustomize> {
  const path = findProgram('virt-customize', env);
  if (path === undefined) throw new MissingVirtCustomizeError();
  const { failed, output, said } = await run(path, ['--long-options'], env, signal);
  if (failed) {
    throw new Hyper2kvmError('host', `${path} does not list its options: ${foreignText(said)}`, {
      hint: 'Update guestfs-tools.',
    });
  }
  return { path, options: new Set(output.split(/\s+/).map((word) => word.replace(/^--/, ''))) };
}

/** The commands that newer versions of virt-customize have and this one does not. */
export function unknownCommands({ options }: VirtCustomize): string[] {
  return UNDERSTOOD_COMMANDS.filter((name) => !options.has(name));
}

/**
 * Lets virt-customize parse `text`, a command file, without a guest. Undefined if it accepts the file, otherwise its
 * message. It reads options in order and ends at `--version`.
 */
async function parsedBy(
  { path }: VirtCustomize,
  text: string,
  env: NodeJS.ProcessEnv,
  signal: AbortSignal,
): Promise<string | undefined> {
  const folder = await mkdtemp(join(tmpdir(), 'hyper2kvm-customize-'));
  try {
    const file = join(folder, 'commands');
    await writeFile(file, text, { flag: 'wx', mode: 0o600 });
    const { failed, said } = await run(path, ['--commands-from-file', file, '--version'], env, signal);
    // Version 1.48 drops a command whose password file is missing: it prints an error and succeeds.
    if (!failed && said === '') return undefined;
    const [first = ''] = said.split('\n');
    return foreignText(first.replace(/^virt-customize: error: /, '').replaceAll(file, 'the file')) || 'no reason given';
  } finally {
    await rm(folder, { recursive: true, force: true });
  }
}

/**
 * Checks that virt-customize knows and accepts all commands of a file.
 * @throws usage error that names the line, without its secrets.
 */
export async function requireCommands(
  program: VirtCustomize,
  { path, text, commands }: { path: string; text: string; commands: readonly CustomizeCommand[] },
  env: NodeJS.ProcessEnv,
  signal: AbortSignal,
): Promise<void> {
  const reason = await parsedBy(program, text, env, signal);
  if (reason === undefined) return;
  const secrets = secretTexts(commands);
  for (const command of commands) {
    const line = [command.name, command.argument].filter(Boolean).join(' ');
    const said = await parsedBy(program, `${line}\n`, env, signal);
    if (said === undefined) continue;
    throw refused(`${path}, line ${command.line ?? 0}`, withoutSecrets(said, secrets));
  }
  throw refused(path, withoutSecrets(reason, secrets));
}

function refused(where: string, said: string): Hyper2kvmError {
  return new Hyper2kvmError('usage', `virt-customize does not accept ${where}: ${said}`, {
    hint: 'virt-customize(1) lists the commands of the version that is installed here. hyper2kvm check names the ones that it lacks.',
  });
}

async function run(
  path: string,
  args: readonly string[],
  env: NodeJS.ProcessEnv,
  signal: AbortSignal,
): Promise<{ failed: boolean; output: string; said: string }> {
  try {
    const { stdout, stderr } = await promisify(execFile)(path, args, {
      env: { ...childEnvironment(env), LC_ALL: 'C.UTF-8' },
      timeout: LIMIT_MS,
      maxBuffer: MOST_OUTPUT_BYTES,
      signal,
    });
    return { failed: false, output: stdout, said: stderr.trim() };
  } catch (error) {
    signal.throwIfAborted();
    const isOfProgram = typeof error === 'object' && error !== null && 'stderr' in error;
    const stderr = isOfProgram ? String(error.stderr).trim() : '';
    return { failed: true, output: '', said: stderr || sentenceOf(error) };
  }
}
