import { expect, test } from '@jest/globals';
import { forecastDowntime, nextRoundSeconds } from '../../../src/operations/sync/forecast.ts';

const round = (minute: number, isComplete: boolean, fetchSeconds: number) => ({
  takenAt: new Date(Date.UTC(2026, 0, 1, 0, minute)).toISOString(),
  isComplete,
  changedBytes: 1,
  fetchedBytes: 1,
  fetchSeconds,
  applySeconds: 0,
  seconds: fetchSeconds + 20,
});

test('a round that begins now has the fixed costs, and the changes of the time that the last one took', () => {
  expect(nextRoundSeconds([round(0, true, 3600)])).toBeUndefined();
  // Changes of an hour took 100 s; the changes of 120 s take a thirtieth of that.
  expect(nextRoundSeconds([round(0, true, 3600), round(60, false, 100)])).toBeCloseTo(20 + 100 / 30);
});

test('reading complete disks takes as long again', () => {
  expect(nextRoundSeconds([round(0, true, 3600), round(60, true, 3000)])).toBe(3020);
});

const rehearsal = {
  round: 2,
  takenAt: '2026-01-01T01:00:00.000Z',
  rehearsedAt: '2026-01-01T01:05:00.000Z',
  isGood: true,
  fixSeconds: 40,
  bootSeconds: 15,
  accelerator: 'kvm' as const,
};

test('the downtime is the final round, the fix and the boot until the first sign of life', () => {
  const last = { ...round(60, false, 100), fetchedBytes: 36_000_000, applySeconds: 20, seconds: 140 };
  // 10 kB change in a second, and 300 kB are fetched and applied: 140 s of changes take 4.7 s, and the rest of a round 20 s.
  const forecast = forecastDowntime({ rounds: [round(0, true, 3600), last], rehearsal });
  expect(forecast).toMatchObject({ changedBytesPerSecond: 10_000, transferBytesPerSecond: 300_000, missing: [] });
  expect(forecast.roundSeconds).toBeCloseTo(20 + (10_000 * 140) / 300_000);
  expect(forecast.seconds).toBeCloseTo(20 + (10_000 * 140) / 300_000 + 40 + 15);
});

test('without what it needs there is no forecast, and it says what is missing', () => {
  const rounds = [round(0, true, 3600), round(60, false, 100)];
  const missing = (...args: Parameters<typeof forecastDowntime>): unknown => {
    const forecast = forecastDowntime(...args);
    expect(forecast.seconds).toBeNull();
    return forecast.missing;
  };
  expect(missing({ rounds: rounds.slice(0, 1) })).toEqual(['second-round', 'rehearsal']);
  expect(missing({ rounds })).toEqual(['rehearsal']);
  const failed = { ...rehearsal, isGood: false, problem: 'it did not come up', bootSeconds: null };
  expect(missing({ rounds, rehearsal: failed })).toEqual(['good-rehearsal']);
});
