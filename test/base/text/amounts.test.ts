import { expect, test } from '@jest/globals';
import { formatBytes, formatDuration, formatRate } from '../../../src/base/text/amounts.ts';

test.each([
  [0, '0 B'],
  [1023, '1023 B'],
  [1024, '1.0 KiB'],
  [1536 * 1024 ** 2, '1.5 GiB'],
  [99.96 * 1024 ** 3, '100 GiB'],
  [1023.6 * 1024, '1.0 MiB'],
  [5 * 1024 ** 6, '5120 PiB'],
])('%d bytes are %s', (bytes, text) => {
  expect(formatBytes(bytes)).toBe(text);
});

test.each([
  [0.3, '<1s'],
  [59.6, '1m 00s'],
  [65, '1m 05s'],
  [7500, '2h 05m'],
  [273_600, '3d 04h'],
])('%d seconds are %s', (seconds, text) => {
  expect(formatDuration(seconds)).toBe(text);
});

test('no size below a pebibyte takes more than eight columns, and no rate more than ten', () => {
  for (let bytes = 1; bytes < 1024 ** 5; bytes = Math.ceil(bytes * 1.01)) {
    expect(formatBytes(bytes).length).toBeLessThanOrEqual(8);
    expect(formatRate(bytes).length).toBeLessThanOrEqual(10);
  }
});
