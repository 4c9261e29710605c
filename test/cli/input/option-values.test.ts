import { expect, test } from '@jest/globals';
import { fillOptionalValues } from '../../../src/cli/input/optional-values.ts';
import {
  readChoice,
  readCount,
  readDuration,
  readMode,
  readRate,
  readSize,
} from '../../../src/cli/input/option-values.ts';

test.each([
  ['50M', 50 * 1024 ** 2],
  ['800k', 800 * 1024],
  ['1.5G', 1.5 * 1024 ** 3],
  ['10MiB/s', 10 * 1024 ** 2],
  ['2T', 2 * 1024 ** 4],
  ['65536', 65536],
])('a rate of %s is %d bytes a second', (text, bytes) => {
  expect(readRate('--limit-rate', text)).toBe(bytes);
});

test.each([
  ['90', 90_000],
  ['90s', 90_000],
  ['2m', 120_000],
  ['1h', 3_600_000],
  ['1m30s', 90_000],
  ['1H2m', 3_720_000],
])('a time of %s is %d ms', (text, ms) => {
  expect(readDuration('--timeout', text)).toBe(ms);
});

test.each(['', '0', '-1', '50MM', 'fast', '0.0001', '1e9'])('%j is no rate, and the error names the flag', (text) => {
  expect(() => readRate('--limit-rate', text)).toThrow(/^--limit-rate must be bytes per second/);
});

test.each(['', '0', '0.5s', '25h', '2 days', '-5s', '1m30', '1m,30s'])('%j is no time', (text) => {
  expect(() => readDuration('--timeout', text)).toThrow(/^--timeout must be a time/);
});

test('a count is a whole number within its bounds', () => {
  expect(readCount('--retries', '0', 0, 100)).toBe(0);
  for (const text of ['-1', '101', '1.5', '0x10', ''])
    expect(() => readCount('--retries', text, 0, 100)).toThrow(/0 to 100/);
});

test('a flag that stands alone gets its default value, and only such a flag', () => {
  const defaults = { shutdown: { bare: '5', accepts: (word: string) => /^\d+m?$/.test(word) } };
  expect(fillOptionalValues(['web-01', '--shutdown', 'web-02'], defaults)).toEqual([
    'web-01',
    '--shutdown=5',
    'web-02',
  ]);
  expect(fillOptionalValues(['--shutdown=10'], defaults)).toEqual(['--shutdown=10']);
  expect(fillOptionalValues(['--', '--shutdown'], defaults)).toEqual(['--', '--shutdown']);
  expect(fillOptionalValues(['--toString', 'shutdown'], defaults)).toEqual(['--toString', 'shutdown']);
});

test('a bare flag that is followed by one of its own values is refused, with both ways to write it', () => {
  const optional = { shutdown: { bare: '5', accepts: (word: string) => /^\d+m?$/.test(word) } };
  for (const value of ['10', '10m']) {
    expect(() => fillOptionalValues(['db-01', '--shutdown', value, 'db-02'], optional)).toThrow(
      expect.objectContaining({
        kind: 'usage',
        message: `--shutdown is followed by ${value}, which could be its value or the name of a VM or file.`,
        hint: `Write --shutdown=${value} for the value. Put a name before --shutdown, or after --.`,
      }),
    );
  }
  expect(fillOptionalValues(['10', '--shutdown'], optional)).toEqual(['10', '--shutdown=5']);
  expect(fillOptionalValues(['--shutdown', '--', '10'], optional)).toEqual(['--shutdown=5', '--', '10']);
});

test('a bare number has the unit of its flag', () => {
  expect(readDuration('--shutdown', '10', { bareUnit: 'm' })).toBe(600_000);
  expect(readDuration('--shutdown', '90s', { bareUnit: 'm' })).toBe(90_000);
  expect(readDuration('--shutdown', '10m', { bareUnit: 'm' })).toBe(600_000);
  expect(() => readDuration('--shutdown', '1441', { bareUnit: 'm' })).toThrow(/1s to 24h/);
});

test.each([
  ['512', 512],
  ['64K', 64 * 1024],
  ['64KiB', 64 * 1024],
  ['2m', 2 * 1024 ** 2],
])('a size of %s is %d bytes', (text, bytes) => {
  expect(readSize('--cluster-size', text, 512, 2 * 1024 ** 2)).toBe(bytes);
});

test.each(['', '0', '511', '3M', '1.3K', '-64K', '64K/s', '1T'])('%j is no size within its bounds', (text) => {
  expect(() => readSize('--cluster-size', text, 512, 2 * 1024 ** 2)).toThrow(
    /^--cluster-size must be a size from 512 to 2M/,
  );
});

test('a choice is one of its words, as it is written', () => {
  expect(readChoice('--compress', 'zstd', ['fast', 'zstd'])).toBe('zstd');
  for (const text of ['', 'ZSTD', 'zst']) {
    expect(() => readChoice('--compress', text, ['fast', 'zstd'])).toThrow(/one of fast, zstd, not/);
  }
});

test.each(['0600', '640', '0664'])('a mode is read as octal: %s', (text) => {
  expect(readMode('--mode', text)).toBe(Number.parseInt(text, 8));
});

test.each(['', '0755', '0400', '060', '2640', '00640', '0o640', 'u=rw', '0680'])(
  'a mode that is none, or that its owner cannot use, or that executes, is refused: "%s"',
  (text) => {
    expect(() => readMode('--mode', text)).toThrow(/^--mode must be octal permissions/);
  },
);
