import { Hyper2kvmError } from '../../base/errors.ts';
import { nearWord } from '../text/near-word.ts';

/** The flags of a command, and whether each takes a value. */
export type FlagKinds = Readonly<Record<string, 'boolean' | 'string'>>;

type Values<Kinds extends FlagKinds> = { [Name in keyof Kinds]?: Kinds[Name] extends 'boolean' ? boolean : string };

/** The spellings that Go's `strconv.ParseBool` accepts. */
const BOOLEANS = new Map([
  ...['1', 't', 'T', 'TRUE', 'true', 'True'].map((text) => [text, true] as const),
  ...['0', 'f', 'F', 'FALSE', 'false', 'False'].map((text) => [text, false] as const),
]);

/**
 * Parses flags like Go's `flag` package: `-name value`, `-name=value`, the same with two dashes, and `-name` or
 * `-name=false` for a boolean. The last occurrence of a name wins, and the first argument that is not a flag ends them.
 * Also returns the remaining arguments.
 * @throws usage errors that name the flag.
 */
export function parseGoFlags<Kinds extends FlagKinds>(
  command: string,
  words: readonly string[],
  kinds: Kinds,
): { flags: Values<Kinds>; rest: string[] } {
  const values = new Map<string, string | boolean>();
  let index = 0;
  for (; index < words.length; index += 1) {
    const word = words[index] ?? '';
    if (word === '--') {
      index += 1;
      break;
    }
    const [, name, joined] = /^--?([^-=][^=]*)(?:=([\s\S]*))?$/.exec(word) ?? [];
    if (name === undefined) break;
    const kind = Object.hasOwn(kinds, name) ? kinds[name] : undefined;
    if (kind === undefined) throw unknownFlag(command, name, Object.keys(kinds));
    if (kind === 'boolean') values.set(name, joined === undefined || readBoolean(command, name, joined));
    else if (joined !== undefined) values.set(name, joined);
    else {
      index += 1;
      const value = words[index];
      if (value === undefined) throw new Hyper2kvmError('usage', `${command}: -${name} needs a value.`);
      values.set(name, value);
    }
  }
  return { flags: valuesOf(values), rest: words.slice(index) };
}

/**
 * Like {@link parseGoFlags}, for a command without positional arguments. Refuses one, because it was probably meant as
 * the value of a flag.
 */
export function readGoFlags<Kinds extends FlagKinds>(
  command: string,
  words: readonly string[],
  kinds: Kinds,
): Values<Kinds> {
  const { flags, rest } = parseGoFlags(command, words, kinds);
  if (rest.length === 0) return flags;
  const names = Object.keys(kinds).map((name) => `-${name}`);
  throw new Hyper2kvmError('usage', `${command}: unexpected argument after the flags.`, {
    hint: names.length === 0 ? 'It takes no flags and no arguments.' : `Its flags are ${names.join(', ')}.`,
  });
}

/** The assertion is safe: the parser above stores a value of the declared kind under each name. */
function valuesOf<Kinds extends FlagKinds>(values: ReadonlyMap<string, string | boolean>): Values<Kinds> {
  const flags: Values<Kinds> = {};
  return Object.assign(flags, Object.fromEntries(values));
}

function readBoolean(command: string, name: string, text: string): boolean {
  const value = BOOLEANS.get(text);
  if (value === undefined)
    throw new Hyper2kvmError('usage', `${command}: -${name} must be true or false, not "${text}".`);
  return value;
}

function unknownFlag(command: string, name: string, names: readonly string[]): Hyper2kvmError {
  const near = nearWord(name, names);
  const list = names.length === 0 ? 'It has none.' : `It has ${names.map((known) => `-${known}`).join(', ')}.`;
  return new Hyper2kvmError('usage', `${command} has no flag -${name}.`, {
    hint: near === undefined ? list : `Did you mean -${near}? ${list}`,
  });
}
