import { codeOfKind, EXIT_CODES } from '../../../base/exit-codes.ts';
import type { ExportResult } from '../types.ts';

/** What the command exits with after an export that came to its end: known here already, since it stands in the job's record. */
export function exitCodeOfExport({
  exported,
  skipped,
  failed,
}: Pick<ExportResult, 'exported' | 'skipped' | 'failed'>): number {
  const [first] = failed;
  if (first === undefined) {
    if (exported.some(({ bootTest }) => bootTest?.problem !== undefined)) return EXIT_CODES.guest.code;
    return [...exported, ...skipped].some(isIncomplete) ? EXIT_CODES.partial.code : 0;
  }
  const codes = new Set(failed.map(({ error }) => codeOfKind(error.kind)));
  return exported.length + skipped.length === 0 && codes.size === 1
    ? codeOfKind(first.error.kind)
    : EXIT_CODES.partial.code;
}

/** True for a VM whose files are complete, but that left something on the server for somebody to remove. */
export function isIncomplete({ leftBehind = [] }: { leftBehind?: readonly string[] }): boolean {
  return leftBehind.length > 0;
}
