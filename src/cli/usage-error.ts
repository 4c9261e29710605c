import { Errors } from '@oclif/core';
import { Hyper2kvmError } from '../base/errors.ts';
import { nearWord } from './near-word.ts';

/** What the wording of a usage error needs to know about the command. */
export interface CommandNames {
  /** `hyper2kvm export` */
  command: string;
  /** Without the dashes. */
  flags: readonly string[];
}

/**
 * oclif's complaint about the command line as one clear sentence of our own. Any other error comes back as it is. Never
 * quotes the value of an unknown flag: it may be a password.
 */
export function asUsageError(error: unknown, names: CommandNames): unknown {
  if (!(error instanceof Errors.CLIError) || error.oclif.exit !== 2) return error;
  // oclif's parse errors are told apart by the facts that they carry; their classes are not exported. NonExistentFlagsError
  // has the flags as they were given, UnexpectedArgsError the words; the `args` of RequiredArgsError are their definitions.
  const flags = 'flags' in error ? error.flags : undefined;
  const args = 'args' in error ? error.args : undefined;
  const hint = `See ${names.command} --help.`;
  if (isWords(flags)) return unknownFlag(flags, names);
  if (isWords(args)) {
    const words = args.length === 1 ? 'Unexpected argument' : 'Unexpected arguments';
    return new Hyper2kvmError('usage', `${words} for ${names.command}.`, { hint, cause: error });
  }
  if (isDefinitions(args)) {
    const missing = args.map(({ name }) => name.toUpperCase()).join(' and ');
    return new Hyper2kvmError('usage', `${names.command} needs ${missing}.`, { hint, cause: error });
  }
  return new Hyper2kvmError('usage', firstSentence(error.message), { hint, cause: error });
}

/** The refusal of `--password`, told before the command line is parsed: its value would be taken for an argument. */
export function passwordFlagError(): Hyper2kvmError {
  return new Hyper2kvmError('usage', 'There is no --password flag: all users of this host could read it.', {
    hint: 'Set HYPER2KVM_PASSWORD, use --password-file FILE (- is standard input), or run on a terminal to be prompted.',
  });
}

function unknownFlag(words: readonly string[], { command, flags }: CommandNames): Hyper2kvmError {
  const [word = ''] = words;
  const flag = word.split('=', 1)[0] ?? word;
  const near = nearWord(flag.replace(/^-+/, ''), flags);
  const hint = near === undefined ? `See ${command} --help.` : `Did you mean --${near}?`;
  return new Hyper2kvmError('usage', `${command} has no flag ${flag}.`, { hint });
}

/** oclif adds a line about --help; what comes before it is the complaint. */
function firstSentence(message: string): string {
  const [line = message] = message.split('\n', 1);
  return /[.!?]$/.test(line) ? line : `${line}.`;
}

function isWords(value: unknown): value is string[] {
  return Array.isArray(value) && value.length > 0 && value.every((word) => typeof word === 'string');
}

function isDefinitions(value: unknown): value is { name: string }[] {
  return Array.isArray(value) && value.length > 0 && value.every(hasName);
}

function hasName(value: unknown): boolean {
  return typeof value === 'object' && value !== null && 'name' in value && typeof value.name === 'string';
}
