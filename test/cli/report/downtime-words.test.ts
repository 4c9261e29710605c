import { expect, test } from '@jest/globals';
import { downtimeWords, shortDowntime } from '../../../src/cli/report/downtime-words.ts';

const KNOWN = {
  seconds: 100,
  roundSeconds: 42,
  fixSeconds: 40,
  bootSeconds: 18,
  changedBytesPerSecond: 1,
  transferBytesPerSecond: 2,
  missing: [],
};

test('a forecast of the downtime has its parts, or says what is missing', () => {
  expect(downtimeWords(KNOWN)).toBe('about 1m 40s (final round 42s, guest fix 40s, boot 18s)');
  expect(downtimeWords({ ...KNOWN, isBootEmulated: true })).toMatch(/boot 18s in emulation\)$/);
  const missing = ['second-round' as const, 'rehearsal' as const];
  const unknown = { ...KNOWN, seconds: null, missing };
  expect(downtimeWords(unknown)).toBe('not known: it needs a second round and a rehearsal (--rehearse)');
  expect([KNOWN, unknown, null].map(shortDowntime)).toEqual(['1m 40s', 'needs a round', '']);
});
