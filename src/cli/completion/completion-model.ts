import type { Command } from '@oclif/core';

/** The candidates for a word that is still to be typed. */
export type Candidates =
  | { kind: 'choices'; words: readonly string[] }
  /** Names that the program itself provides: VMs from the last inventory, job IDs. */
  | { kind: KnownNames }
  | { kind: 'files' | 'folders' | 'none' };

/** The kinds of names that `hyper2kvm __complete` can list. */
export const KNOWN_NAMES = ['vms', 'jobs', 'running-jobs'] as const;
export type KnownNames = (typeof KNOWN_NAMES)[number];

export interface CompletedFlag {
  /** With their dashes, the long form first. */
  names: string[];
  summary: string;
  repeatable: boolean;
  /** Undefined for a boolean flag. An `optional` value follows = or is omitted. */
  value: { title: string; optional: boolean; candidates: Candidates } | undefined;
}

export interface CompletedCommand {
  id: string;
  summary: string;
  flags: CompletedFlag[];
  /** The positional arguments, one entry each. With `repeatable`, the last entry applies to all further arguments. */
  words: { title: string; repeatable: boolean; candidates: Candidates }[];
}

/** Candidates by a flag's helpValue. */
const VALUES: Readonly<Record<string, Candidates>> = {
  FILE: { kind: 'files' },
  PATH: { kind: 'files' },
  DIR: { kind: 'folders' },
  ID: { kind: 'jobs' },
};

/** Candidates by an argument's name. A job as a positional argument is to be cancelled. */
const WORDS: Readonly<Record<string, Candidates>> = {
  vm: { kind: 'vms' },
  glob: { kind: 'vms' },
  source: { kind: 'files' },
  target: { kind: 'files' },
  id: { kind: 'running-jobs' },
  job: { kind: 'jobs' },
};

const HELP: CompletedFlag = { names: ['--help', '-h'], summary: 'Show help', repeatable: false, value: undefined };

/** The commands for completion, from oclif's manifest and in its order. Omits hidden commands and flags. */
export function completedCommands(commands: readonly Command.Cached[]): CompletedCommand[] {
  return commands
    .filter(({ hidden }) => !hidden)
    .toSorted((a, b) => (a.id < b.id ? -1 : 1))
    .map(({ id, summary, flags, args }) => ({
      id,
      summary: shortened(summary ?? ''),
      flags: [...Object.values(flags).filter(isShown).toSorted(byName).map(completedFlag), HELP],
      words: Object.values(args).filter(isShown).map(completedWord),
    }));
}

function byName(a: { name: string }, b: { name: string }): number {
  return a.name < b.name ? -1 : 1;
}

function isShown({ hidden }: { hidden?: boolean }): boolean {
  return hidden !== true;
}

function completedFlag(flag: Command.Flag.Cached): CompletedFlag {
  const short = flag.char === undefined ? [] : [`-${flag.char}`];
  const negated = flag.type === 'boolean' && flag.allowNo ? [`--no-${flag.name}`] : [];
  return {
    names: [`--${flag.name}`, ...short, ...negated],
    summary: shortened(flag.summary ?? flag.description ?? ''),
    repeatable: flag.type === 'option' && flag.multiple === true,
    value: flag.type === 'option' ? valueOf(flag) : undefined,
  };
}

function valueOf({ options, helpValue }: Command.Flag.Cached & { type: 'option' }): CompletedFlag['value'] {
  const written = [helpValue ?? 'VALUE'].flat().join(' ');
  if (options !== undefined) {
    return { title: 'value', optional: false, candidates: { kind: 'choices', words: options } };
  }
  const optional = isOptionalValue(written);
  const title = optional ? written.slice(2, -1) : written;
  // `[=fast|careful|zstd]` lists its values. oclif does not know them, because with `options` it would require one of them.
  if (title.includes('|'))
    return { title: 'value', optional, candidates: { kind: 'choices', words: title.split('|') } };
  return { title, optional, candidates: VALUES[title] ?? { kind: 'none' } };
}

/** The value in `[=MINUTES]` is optional; the one in `[SOURCE=]NAME` is not. */
export function isOptionalValue(helpValue: string): boolean {
  return helpValue.startsWith('[=') && helpValue.endsWith(']');
}

function completedWord({ name, options, multiple }: Command.Arg.Cached): CompletedCommand['words'][number] {
  const candidates: Candidates = options ? { kind: 'choices', words: options } : (WORDS[name] ?? { kind: 'none' });
  return { title: name.toUpperCase(), repeatable: multiple === true, candidates };
}

/** The text before the first period, colon or semicolon: shells show one line. */
function shortened(text: string): string {
  return text.replace(/[.:;](\s.*)?$/s, '');
}
