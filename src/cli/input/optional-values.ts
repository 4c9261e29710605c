import { Hyper2kvmError } from '../../base/errors.ts';

/** A flag with an optional value. */
export interface OptionalValue {
  /** The value for the flag without one. */
  bare: string;
  /** True when an argument would be a value of this flag, in the form that users type. */
  accepts: (word: string) => boolean;
}

export type OptionalValues = Readonly<Record<string, OptionalValue>>;

/**
 * Adds the default value to a flag without one: `--shutdown` becomes `--shutdown=5`. oclif does not support optional
 * values: it would take the next argument, a VM name, as the value. A value must therefore always be joined with `=`.
 * Arguments after `--` are not flags.
 * @throws Hyper2kvmError `usage` for a flag without a value that is followed by one of its own values. The value would
 * be treated as a VM name, and the flag would use a default that the user did not intend.
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
