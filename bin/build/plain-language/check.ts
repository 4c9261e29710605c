import { globSync, readFileSync } from 'node:fs';
import { faultsInMarkdown, faultsInSource, readWordList, type Fault } from './find-faults.ts';

/**
 * Part of `npm run lint`: checks texts for users against the words in words.json. Prints a line for each fault and
 * exits with 1 if there are any.
 */
const words = readWordList();

function check(pattern: string, find: (text: string) => Fault[]): string[] {
  const files = globSync(pattern).toSorted();
  return files.flatMap((file) =>
    find(readFileSync(file, 'utf8')).map(({ line, found, write }) => `${file}:${line}: "${found}": write: ${write}`),
  );
}

const faults = [
  ...check('src/**/*.ts', (text) => faultsInSource(text, words)),
  ...check('{README.md,docs/*.md}', (text) => faultsInMarkdown(text, words)),
];
for (const fault of faults) process.stderr.write(`${fault}\n`);
if (faults.length > 0) process.exitCode = 1;
