import { Hyper2kvmError } from '../../base/errors.ts';

/** A flag whose value can be left out. */
export interface OptionalValue {
  /** What the bare flag stands for. */
  bare: string;
  /** Whether a word would be a value of this flag, in the form that people type. */
  accepts: (word: string) => boolean;
}

export type OptionalValues = Readonly<Record<string, OptionalValue>>;

/**
 * Gives a flag that stands without a value its default one: `--shutdown` becomes `--shutdown=5`. oclif has no flags with
 * an optional value: it would take the next word, a VM's name, for the value. A value of the user's own is therefore
 * always joined with `=`. Words after `--` are no flags.
 * @throws Hyper2kvmError `usage` for a bare flag that is followed by one of its own values: as a VM's name it would be looked for in vain, after the flag did what nobody asked for.
 */
export function fillOptionalValues(argv: readonly string[], optional: OptionalValues): string[] {
  const end = argv.indexOf('--');
  return argv.map((word, index) => {
    const name = word.slice(2);
    const isFlag = word.startsWith('--') && Object.hasOwn(optional, name) && (end === -1 || index < end);
    const flag = isFlag ? optional[name] : undefined;
    if (flag === undefined) return word;
    const next = argv[index + 1];
    if (next !== undefined && flag.accepts(next)) throw separated(word, next);
    return `${word}=${flag.bare}`;
  });
}

function separated(flag: string, value: string): Hyper2kvmError {
  return new Hyper2kvmError(
    'usage',
    `${flag} is followed by ${value}, which could be its value or the name of a VM or file.`,
    {
      hint: `Write ${flag}=${value} for the value. Put a name before ${flag}, or after --.`,
    },
  );
}
