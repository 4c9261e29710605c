import { Hyper2kvmError, InterruptedError, sentenceOf } from '../../base/errors.ts';
import { rollBack } from './rollback.ts';
import type { CutoverScope } from './scope.ts';
import { runChecks } from './steps/checks.ts';
import { makeDomainHere, startHere, waitForLife } from './steps/domain.ts';
import { commitAgain, prepareGuest } from './steps/guest.ts';
import { runAudit, runFinalRound, runWarmRounds } from './steps/rounds.ts';
import { shutDown } from './steps/source-power.ts';
import { describeSides } from './sides.ts';
import type { CutoverStep } from './types.ts';

/** The work of each step. It returns the next step, and can be repeated after a kill at any point. */
const WORK: Record<
  Exclude<CutoverStep, 'done' | 'rollback'>,
  (scope: CutoverScope, signal: AbortSignal) => Promise<CutoverStep>
> = {
  checks: runChecks,
  'warm-rounds': runWarmRounds,
  shutdown: shutDown,
  'final-round': runFinalRound,
  audit: runAudit,
  guest: prepareGuest,
  commit: commitAgain,
  domain: makeDomainHere,
  start: startHere,
  wait: waitForLife,
};

/** A failure in these steps of a first pass ends the cutover: the source was not touched. */
const HARMLESS: ReadonlySet<CutoverStep> = new Set(['checks', 'warm-rounds']);

/**
 * Runs the steps from the recorded one to the end. A failure gives the VM back to the source, unless the options forbid
 * it.
 * @throws the failure, with the state of both sides.
 */
export async function runSteps(scope: CutoverScope, signal: AbortSignal): Promise<void> {
  const { state } = scope;
  try {
    for (let { step } = state; step !== 'done' && step !== 'rollback'; step = state.step) {
      signal.throwIfAborted();
      await state.enter(await WORK[step](scope, signal));
    }
  } catch (error) {
    throw await afterFailure(scope, error);
  }
}

async function afterFailure(scope: CutoverScope, error: unknown): Promise<unknown> {
  const { found, state, options } = scope;
  const { step, record } = state;
  const wasTouched = record.history.some((entry) => !HARMLESS.has(entry.step));
  if (wasTouched && options.keepOff) {
    const next = `The cutover stays in the step ${step}: the same command continues it, and --rollback gives the VM back.`;
    return failure(scope, error, 'partial', `${await describeSides(scope)} ${next}`);
  }
  try {
    // The signal may already be aborted.
    if (wasTouched) await rollBack(scope, new AbortController().signal);
    else await state.end();
  } catch (second) {
    const sides = await describeSides(scope);
    const why = `The rollback failed too: ${sentenceOf(second)} ${sides}`;
    return failure(scope, error, 'partial', `${why} Repeat it with hyper2kvm cutover --rollback ${found.label}.`);
  }
  const sides = wasTouched
    ? `It was rolled back: ${await describeSides(scope)}`
    : `The source was not touched: ${await describeSides(scope)}`;
  return failure(scope, error, undefined, `${sides} The replica belongs to sync again.`);
}

/** `kind` undefined keeps the kind of the failure. */
function failure(
  { found, warn, state }: CutoverScope,
  error: unknown,
  kind: 'partial' | undefined,
  sides: string,
): unknown {
  // The exit code is that of the signal, and its message is fixed.
  if (error instanceof InterruptedError || !(error instanceof Hyper2kvmError)) {
    warn(sides);
    return error;
  }
  const facts = error.hint === undefined ? {} : { hint: error.hint };
  const details = { ...error.details, cutover: { step: state.step } };
  const sentence = `${found.label} was not cut over: ${error.message} ${sides}`;
  return new Hyper2kvmError(kind ?? error.kind, sentence, { ...facts, details, cause: error });
}
