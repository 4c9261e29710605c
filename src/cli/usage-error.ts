import { Errors } from '@oclif/core';
import { Hyper2kvmError } from '../base/errors.ts';
import { nearWord } from './text/near-word.ts';

/** The names in the command that the wording of a usage error needs. */
export interface CommandNames {
  /** `hyper2kvm export` */
  command: string;
  /** Flag names without the dashes. */
  flags: readonly string[];
}

/**
 * Converts an oclif error about the command line into one clear sentence. Returns any other error unchanged. Never
 * quotes the value of an unknown flag, which may be a password.
 */
export function asUsageError(error: unknown, names: CommandNames): unknown {
  if (!(error instanceof Errors.CLIError) || error.oclif.exit !== 2) return error;
  // Distinguishes oclif's parse errors by their fields, because their classes are not exported. NonExistentFlagsError
  // has the flags as given and UnexpectedArgsError the arguments. The `args` of RequiredArgsError are definitions.
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

/** The refusal of `--password`, reported before the command line is parsed: otherwise its value would be taken for an argument. */
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

/** oclif appends a line about --help; the text before it is the message. */
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
