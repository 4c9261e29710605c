interface Result {
  status: string;
  title: string;
}

interface Run {
  testResults: readonly { testFilePath: string; testResults: readonly Result[] }[];
}

/** A jest reporter that prints the skipped tests at the end of the run, counted by what they need. */
export default class SkipReporter {
  onRunComplete(_contexts: unknown, { testResults }: Run): void {
    for (const line of skipLines(testResults.flatMap((file) => file.testResults))) process.stderr.write(`${line}\n`);
  }
}

/** Returns lines such as `Skipped: 12 tests need zsh`, with the highest count first. */
export function skipLines(results: readonly Result[]): string[] {
  const skipped = results.filter(({ status }) => status === 'pending');
  const needs = Map.groupBy(skipped, ({ title }) => missingOf(title) ?? 'a reason, which their titles lack');
  return [...needs]
    .toSorted(([a, some], [b, others]) => others.length - some.length || (a < b ? -1 : 1))
    .map(([missing, { length }]) => `Skipped: ${length} ${length === 1 ? 'test needs' : 'tests need'} ${missing}`);
}

export function skippedTitle(title: string, missing: string): string {
  return `${title} (skipped: needs ${missing})`;
}

function missingOf(title: string): string | undefined {
  return /\(skipped: needs (.+)\)$/.exec(title)?.[1];
}
