import { Hyper2kvmError } from '../../../base/errors.ts';
import { formatBytes, formatDuration } from '../../../base/text/amounts.ts';
import { readConsolidationNeeded } from '../../../vsphere/vm/vm-facts.ts';
import type { ReplicaState } from '../../sync/replica/replica-state.ts';
import { nextRoundSeconds } from '../../sync/forecast.ts';
import { runRound } from '../../sync/round.ts';
import { readFacts } from '../../sync/open-replica.ts';
import { isSourceOff, replicaOf, type CutoverScope } from '../scope.ts';
import type { CutoverRound, CutoverStep } from '../types.ts';

/** A guest that changes its disks faster than they are copied does not get faster with more rounds. */
const MOST_WARM_ROUNDS = 10;

/** Runs one round while the VM runs, or as many as it takes until the forecast of the downtime is short enough. */
export async function runWarmRounds(scope: CutoverScope, signal: AbortSignal): Promise<CutoverStep> {
  const { found, options, step } = scope;
  const limit = options.maxDowntimeSeconds;
  let before = Infinity;
  for (let number = 1; ; number += 1) {
    await runOne(scope, 'warm', signal);
    await requireConsolidated(scope, signal);
    if (limit === undefined || (await isSourceOff(scope, signal))) return 'shutdown';
    const forecast = await forecastOf(scope, signal);
    if (forecast === undefined && number < MOST_WARM_ROUNDS) continue;
    const words = forecast === undefined ? 'unknown' : formatDuration(forecast);
    step('preflight', `Forecast of the downtime after ${number} warm rounds: ${words}`);
    if (forecast !== undefined && forecast <= limit) return 'shutdown';
    if (forecast === undefined || forecast >= before || number === MOST_WARM_ROUNDS) {
      const sentence = `The downtime of ${found.label} would be about ${words}, more than --max-downtime ${formatDuration(limit)}, and more rounds do not make it shorter.`;
      throw new Hyper2kvmError('transfer', sentence, {
        hint: 'Try again when the guest writes less, or allow a longer downtime.',
      });
    }
    before = forecast;
  }
}

/** Brings the replica to the state of the VM that is off. */
export async function runFinalRound(scope: CutoverScope, signal: AbortSignal): Promise<CutoverStep> {
  if (!(await isSourceOff(scope, signal))) return startAgain(scope);
  await runOne(scope, 'final', signal);
  if (!(await isSourceOff(scope, signal))) return startAgain(scope);
  return scope.options.audit === undefined ? 'guest' : 'audit';
}

/** Reads all disks in an independent way. The VM is off, so whatever differs was missing in the replica. */
export async function runAudit(scope: CutoverScope, signal: AbortSignal): Promise<CutoverStep> {
  if (!(await isSourceOff(scope, signal))) return startAgain(scope);
  const { changedBytes } = await runOne(scope, 'audit', signal);
  if (changedBytes > 0) {
    scope.warn(`The audit found ${formatBytes(changedBytes)} that the rounds had missed, and repaired them.`);
  }
  return 'guest';
}

/** Somebody powered the source on, so the replica is of an old state again. */
export function startAgain({ found, warn }: CutoverScope): CutoverStep {
  warn(`${found.label} is powered on again on the source, so the rounds begin again.`);
  return 'warm-rounds';
}

async function runOne(scope: CutoverScope, kind: CutoverRound['kind'], signal: AbortSignal): Promise<CutoverRound> {
  const { shared, options } = scope;
  const audit = kind === 'audit' ? options.audit : undefined;
  const replica = await replicaOf({ ...scope, shared: { ...shared, options: { ...shared.options, audit } } }, signal);
  const { takenAt, changedBytes, transferredBytes, seconds } = await runRound(await readFacts(replica, signal), signal);
  const round = { kind, takenAt, changedBytes, transferredBytes, seconds };
  scope.findings.rounds.push(round);
  return round;
}

/** Consolidation must never be part of the downtime. */
async function requireConsolidated({ client, found, leftBehind }: CutoverScope, signal: AbortSignal): Promise<void> {
  const [left] = leftBehind;
  if (left === undefined && !(await readConsolidationNeeded(client, found.vm.ref, signal))) return;
  throw new Hyper2kvmError(
    'transfer',
    left ?? `The disks of ${found.label} need consolidation, which would be part of the downtime.`,
    { hint: 'Consolidate the disks on the server, then try again.' },
  );
}

/** From the power-off to the sign of life, from the last rounds and the last rehearsal. */
async function forecastOf(scope: CutoverScope, signal: AbortSignal): Promise<number | undefined> {
  const { replica } = await replicaOf(scope, signal);
  return forecastSeconds(replica.state, scope.options);
}

/** Undefined before the second round. */
export function forecastSeconds(
  { rounds, rehearsal }: Pick<ReplicaState, 'rounds' | 'rehearsal'>,
  { start }: Pick<CutoverScope['options'], 'start'>,
): number | undefined {
  const round = nextRoundSeconds(rounds);
  if (round === undefined) return undefined;
  return round + (rehearsal?.fixSeconds ?? 0) + (start ? (rehearsal?.bootSeconds ?? 0) : 0);
}
