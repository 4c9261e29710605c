import type { Command } from '@oclif/core';
import { isOptionalValue } from '../completion/completion-model.ts';
import { CONNECTION_FLAGS } from './connection-flags.ts';

/** The allowed values of a key. Derived from the definition of the flag with the same name, so that the two cannot differ. */
export type KeyType =
  | { type: 'boolean' }
  | {
      type: 'text';
      /** The only allowed values. */
      options?: readonly string[] | undefined;
      /** A list is allowed. */
      multiple: boolean;
      /** `true` means the flag without a value. */
      hasOptionalValue: boolean;
      /** `~/` is expanded to the home directory, as the shell does for a flag. */
      isPath: boolean;
    };

/** A key. One with the old name of a flag is still accepted. */
export type Key = KeyType & {
  /** The current name, if this is an old one. */
  now?: string;
};

export type Keys = ReadonlyMap<string, Key>;

/** The keys of a profile: those for the server, and those of each command under the command's name. */
export interface KnownKeys {
  server: Keys;
  commands: ReadonlyMap<string, Keys>;
}

/** The properties of a flag that a key needs, available in oclif's definitions and in its manifest. */
interface FlagFacts {
  type: 'boolean' | 'option';
  hidden?: boolean | undefined;
  helpGroup?: string | undefined;
  helpValue?: string | string[] | undefined;
  options?: readonly string[] | undefined;
  multiple?: boolean | undefined;
  aliases?: readonly string[] | undefined;
}

/** There is no flag for the password, but a file that only its owner can read may contain it. */
const PASSWORD: KeyType = { type: 'text', multiple: false, hasOptionalValue: false, isPath: false };

/** The keys derived from the commands' flags. Global flags concern a single invocation and are not keys. */
export function knownKeys(commands: readonly Pick<Command.Loadable, 'id' | 'flags'>[]): KnownKeys {
  const sections = commands.map(({ id, flags }) => {
    const own = Object.entries<FlagFacts>(flags).filter(
      ([name, { hidden, helpGroup }]) => hidden !== true && helpGroup !== 'GLOBAL' && !isServerFlag(name, helpGroup),
    );
    return [id, keysOf(own)] as const;
  });
  return {
    server: new Map([...keysOf(Object.entries<FlagFacts>(CONNECTION_FLAGS)), ['password', PASSWORD]]),
    commands: new Map(sections.filter(([, keys]) => keys.size > 0)),
  };
}

/** `boot-test` has its own `--timeout`. */
function isServerFlag(name: string, helpGroup: string | undefined): boolean {
  return helpGroup === CONNECTION_FLAGS.url.helpGroup && name in CONNECTION_FLAGS;
}

function keysOf(flags: readonly (readonly [string, FlagFacts])[]): Keys {
  const current = flags.map(([name, flag]) => [name, typeOf(flag)] as const);
  const old = flags.flatMap(([name, flag]) =>
    (flag.aliases ?? []).map((alias) => [alias, { ...typeOf(flag), now: name }] as const),
  );
  return new Map<string, Key>([...current, ...old]);
}

function typeOf({ type, options, multiple, helpValue }: FlagFacts): KeyType {
  if (type === 'boolean') return { type };
  const word = [helpValue ?? ''].flat().join(' ');
  return {
    type: 'text',
    options,
    multiple: multiple === true,
    hasOptionalValue: isOptionalValue(word),
    isPath: ['FILE', 'DIR', 'PATH', '[=DIR]'].includes(word),
  };
}
