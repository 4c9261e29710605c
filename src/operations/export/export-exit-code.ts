import { codeOfKind, EXIT_CODES } from '../../base/exit-codes.ts';
import type { ExportResult } from './types.ts';

/** What the command exits with after an export that came to its end: known here already, since it stands in the job's record. */
export function exitCodeOfExport({
  exported,
  skipped,
  failed,
}: Pick<ExportResult, 'exported' | 'skipped' | 'failed'>): number {
  const [first] = failed;
  if (first === undefined) {
    return exported.some(({ bootTest }) => bootTest?.problem !== undefined) ? EXIT_CODES.guest.code : 0;
  }
  const codes = new Set(failed.map(({ error }) => codeOfKind(error.kind)));
  return exported.length + skipped.length === 0 && codes.size === 1
    ? codeOfKind(first.error.kind)
    : EXIT_CODES.partial.code;
}
