import { basename } from 'node:path';

/** The name of the link that selects the hyperctl command line. */
const NAME = 'hyperctl';

/**
 * The arguments for oclif when the program was started as `program`, a path or a name. If it was started through a link
 * named `hyperctl`, they begin with `hyperctl`. The arguments of hyperctl follow a `--`, so that oclif does not parse
 * their flags.
 */
export function wordsFor(program: string, argv: readonly string[]): string[] {
  const words = basename(program) === NAME ? [NAME, ...argv] : [...argv];
  return words[0] === NAME ? [NAME, '--', ...words.slice(1)] : words;
}
