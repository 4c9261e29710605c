import type { RoundMeasure } from './replica/replica-state.ts';

/**
 * How long a round would take that begins as soon as the last one has ended, from the last two rounds: their fixed
 * costs, and the data that changes in that time at the measured rates. Undefined before the second round.
 */
export function nextRoundSeconds(rounds: readonly RoundMeasure[]): number | undefined {
  const [before, last] = rounds.slice(-2);
  if (before === undefined || last === undefined) return undefined;
  const passedSeconds = (Date.parse(last.takenAt) - Date.parse(before.takenAt)) / 1000;
  const fixedSeconds = Math.max(0, last.seconds - last.fetchSeconds - last.applySeconds);
  const workSeconds = last.fetchSeconds + last.applySeconds;
  // Reading complete disks takes as long again, whatever changes.
  if (last.isComplete || passedSeconds <= 0) return fixedSeconds + workSeconds;
  return fixedSeconds + workSeconds * Math.min(1, last.seconds / passedSeconds);
}
