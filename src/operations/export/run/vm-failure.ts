import { jobErrorOf } from '../../../jobs/job-record-text.ts';
import type { VmExportFailure } from '../types.ts';

/** A failed VM, as results and job records carry it. */
export function describeFailure(
  vm: string,
  error: unknown,
  { leftBehind = [], keptForNextRun = [] }: Partial<Pick<VmExportFailure, 'leftBehind' | 'keptForNextRun'>> = {},
): VmExportFailure {
  return { vm, error: jobErrorOf(error), leftBehind, keptForNextRun };
}
