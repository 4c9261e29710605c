/** The one-letter flags without a value that every command has, and their long forms. */
const LONG_FORMS: Readonly<Record<string, string>> = { j: '--json', v: '--debug', q: '--quiet', f: '--force' };

const CLUSTER = new RegExp(`^-[${Object.keys(LONG_FORMS).join('')}]+$`);

/**
 * Replaces one-letter flags by their long forms, also several in one argument: `-jq` becomes `--json --quiet`. Whether
 * to print JSON and the stack of an error is decided before the command line is parsed. Arguments after `--` are not
 * flags.
 */
export function longFlags(argv: readonly string[]): string[] {
  const end = argv.indexOf('--');
  return argv.flatMap((word, index) =>
    CLUSTER.test(word) && (end === -1 || index < end)
      ? Array.from(word.slice(1), (letter) => LONG_FORMS[letter] ?? `-${letter}`)
      : [word],
  );
}
