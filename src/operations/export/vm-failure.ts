import { jobErrorOf } from '../../jobs/job-record-text.ts';
import type { VmExportFailure } from './types.ts';

/** A failed VM, as results and job records carry it. */
export function describeFailure(vm: string, error: unknown, leftBehind: string[]): VmExportFailure {
  return { vm, error: jobErrorOf(error), leftBehind };
}
