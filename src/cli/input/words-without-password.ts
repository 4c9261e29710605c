import { withoutPassword } from '../../base/text/secret.ts';

/** The arguments without the password in `--url`: others can see a command line. */
export function wordsWithoutPassword(words: readonly string[], url: string | undefined): string[] {
  if (url === undefined) return [...words];
  const clean = withoutPassword(url);
  return words.map((word) => (word === url ? clean : word === `--url=${url}` ? `--url=${clean}` : word));
}
