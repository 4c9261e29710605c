import { Hyper2kvmError } from '../../base/errors.ts';
import { codeOfKind } from '../../base/exit-codes.ts';
import type { CutoverResult, RollbackResult } from './types.ts';

type Ended = Pick<CutoverResult | RollbackResult, 'leftBehind'>;

/** The final state of the job, and the exit code of the command. */
export function endOfCutover({ leftBehind = [] }: Ended): { state: 'done' | 'partial'; exitCode: number } {
  return leftBehind.length === 0
    ? { state: 'done', exitCode: 0 }
    : { state: 'partial', exitCode: codeOfKind('partial') };
}

/** The error for a result that is not a success. */
export function cutoverOutcome({ leftBehind = [] }: Ended): Hyper2kvmError | undefined {
  if (leftBehind.length === 0) return undefined;
  const sentence = `The cutover is complete, but its clean-up on the server is not: ${leftBehind.join(' ')}`;
  return new Hyper2kvmError('partial', sentence, { hint: 'Remove it on the server.' });
}
