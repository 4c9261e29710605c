import { Hyper2kvmError, InterruptedError, sentenceOf } from '../../base/errors.ts';
import type { VmExportFailure } from './types.ts';

/** A failed VM, as results and job records carry it. */
export function describeFailure(vm: string, error: unknown, leftBehind: string[]): VmExportFailure {
  const hint = error instanceof Hyper2kvmError ? error.hint : undefined;
  return {
    vm,
    error: { kind: kindOf(error), message: sentenceOf(error), ...(hint === undefined ? {} : { hint }) },
    leftBehind,
  };
}

function kindOf(error: unknown): VmExportFailure['error']['kind'] {
  if (error instanceof InterruptedError) return 'interrupted';
  return error instanceof Hyper2kvmError ? error.kind : 'internal';
}
