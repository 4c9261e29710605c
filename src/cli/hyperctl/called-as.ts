import { basename } from 'node:path';

/** The name of the link that stands for another command line. */
const NAME = 'hyperctl';

/**
 * The words for oclif of a program that was called as `program`, a path or a name: with `hyperctl` before them when it was called through a link of that name. What
 * follows that word is hidden behind `--`, since its flags are not ours.
 */
export function wordsFor(program: string, argv: readonly string[]): string[] {
  const words = basename(program) === NAME ? [NAME, ...argv] : [...argv];
  return words[0] === NAME ? [NAME, '--', ...words.slice(1)] : words;
}
