import { expect, test } from '@jest/globals';
import { timeWords } from '../../../src/cli/report/time-words.ts';

const MIB = 1024 ** 2;

test.each([
  [{ bytes: 300 * MIB, workSeconds: 3, seconds: 3.4 }, '3s, 100 MiB/s'],
  [{ bytes: 300 * MIB, workSeconds: 3, seconds: 90 }, '3s, 100 MiB/s; 1m 30s in all'],
  [{ bytes: 0, workSeconds: 0, seconds: 0 }, '<1s'],
])('%j', (time, words) => {
  expect(timeWords(time)).toBe(words);
});
