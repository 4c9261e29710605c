/**
 * Gives a flag that stands without a value its default one: `--shutdown` becomes `--shutdown=5`. oclif has no flags with
 * an optional value: it would take the next word, a VM's name, for the value. A value of the user's own is therefore
 * always joined with `=`. Words after `--` are no flags.
 */
export function fillOptionalValues(argv: readonly string[], defaults: Readonly<Record<string, string>>): string[] {
  const end = argv.indexOf('--');
  return argv.map((word, index) => {
    const name = word.slice(2);
    const isBareFlag = word.startsWith('--') && Object.hasOwn(defaults, name) && (end === -1 || index < end);
    return isBareFlag ? `${word}=${defaults[name]}` : word;
  });
}
