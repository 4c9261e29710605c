import { expect, test } from '@jest/globals';
import { nextRoundSeconds } from '../../../src/operations/sync/forecast.ts';

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
