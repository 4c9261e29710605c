/** The properties of a flag that decide whether a profile can set it. */
export interface DeniableFlag {
  type: 'boolean' | 'option';
  allowNo?: boolean;
  helpGroup?: string | undefined;
  /** Old names. */
  aliases?: readonly string[] | undefined;
}

/**
 * Removes arguments such as `--no-snapshot`, which disable the profile's `snapshot` setting, from a command line. Keeps
 * them for flags that have a negated form of their own. Arguments after `--` are not flags.
 */
export function takeLeftOut(
  argv: readonly string[],
  flags: Readonly<Record<string, DeniableFlag>>,
): { argv: string[]; leftOut: ReadonlySet<string> } {
  const end = argv.indexOf('--');
  const names = argv.map((word, index) => (end === -1 || index < end ? nameIn(word, flags) : undefined));
  return {
    argv: argv.filter((_word, index) => names[index] === undefined),
    leftOut: new Set(names.filter((name) => name !== undefined)),
  };
}

function nameIn(word: string, flags: Readonly<Record<string, DeniableFlag>>): string | undefined {
  const [, given] = /^--no-([a-z-]+)$/.exec(word) ?? [];
  const name = given === undefined || Object.hasOwn(flags, given) ? given : currentName(given, flags);
  if (name === undefined || Object.hasOwn(flags, `no-${name}`) || !Object.hasOwn(flags, name)) return undefined;
  const flag = flags[name];
  const isDenied = flag?.type === 'boolean' && flag.allowNo === true;
  return isDenied || flag?.helpGroup === 'GLOBAL' ? undefined : name;
}

function currentName(old: string, flags: Readonly<Record<string, DeniableFlag>>): string | undefined {
  return Object.entries(flags).find(([, { aliases = [] }]) => aliases.includes(old))?.[0];
}
