import type { ReplicaState, RoundMeasure } from './replica/replica-state.ts';
import type { DowntimeForecast } from './types.ts';

/**
 * How long a round would take that begins as soon as the last one has ended, from the last two rounds: their fixed
 * costs, and the data that changes in that time at the measured rates. Undefined before the second round.
 */
export function nextRoundSeconds(rounds: readonly RoundMeasure[]): number | undefined {
  const pace = paceOf(rounds);
  if (pace === undefined) return undefined;
  const { last, passedSeconds, fixedSeconds, workSeconds } = pace;
  // Reading complete disks takes as long again, whatever changes.
  if (last.isComplete || passedSeconds <= 0) return fixedSeconds + workSeconds;
  return fixedSeconds + workSeconds * Math.min(1, last.seconds / passedSeconds);
}

/**
 * How long a VM would be off in a cutover that begins as soon as the last round has ended: the final round, and what the
 * last rehearsal measured until the guest gave a sign of life.
 */
export function forecastDowntime({ rounds, rehearsal }: Pick<ReplicaState, 'rounds' | 'rehearsal'>): DowntimeForecast {
  const roundSeconds = nextRoundSeconds(rounds) ?? null;
  const { fixSeconds = null, bootSeconds = null } = rehearsal ?? {};
  const missing: DowntimeForecast['missing'] = [];
  if (roundSeconds === null) missing.push('second-round');
  if (rehearsal === undefined) missing.push('rehearsal');
  else if (!rehearsal.isGood) missing.push('good-rehearsal');
  const isKnown = missing.length === 0 && roundSeconds !== null && fixSeconds !== null && bootSeconds !== null;
  return {
    seconds: isKnown ? roundSeconds + fixSeconds + bootSeconds : null,
    roundSeconds,
    fixSeconds,
    bootSeconds,
    ...(rehearsal?.accelerator === 'tcg' && { isBootEmulated: true }),
    ...ratesOf(rounds),
    missing,
  };
}

function paceOf(rounds: readonly RoundMeasure[]) {
  const [before, last] = rounds.slice(-2);
  if (before === undefined || last === undefined) return undefined;
  const workSeconds = last.fetchSeconds + last.applySeconds;
  return {
    last,
    passedSeconds: (Date.parse(last.takenAt) - Date.parse(before.takenAt)) / 1000,
    fixedSeconds: Math.max(0, last.seconds - workSeconds),
    workSeconds,
  };
}

function ratesOf(
  rounds: readonly RoundMeasure[],
): Pick<DowntimeForecast, 'changedBytesPerSecond' | 'transferBytesPerSecond'> {
  const pace = paceOf(rounds);
  if (pace === undefined) return { changedBytesPerSecond: null, transferBytesPerSecond: null };
  const { last, passedSeconds, workSeconds } = pace;
  const isKnown = !last.isComplete && passedSeconds > 0;
  return {
    changedBytesPerSecond: isKnown ? last.fetchedBytes / passedSeconds : null,
    transferBytesPerSecond: last.fetchedBytes > 0 && workSeconds > 0 ? last.fetchedBytes / workSeconds : null,
  };
}
