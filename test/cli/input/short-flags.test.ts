import { expect, test } from '@jest/globals';
import { longFlags } from '../../../src/cli/input/short-flags.ts';

test('one-letter flags become long ones, alone or together, before --', () => {
  expect(longFlags(['list', '-j', '-qv', '-o', 'out', '-u', 'joe', 'web-j', '--', '-j'])).toEqual([
    'list',
    '--json',
    '--quiet',
    '--debug',
    '-o',
    'out',
    '-u',
    'joe',
    'web-j',
    '--',
    '-j',
  ]);
  expect(longFlags(['export', 'x', '-f', '-oj'])).toEqual(['export', 'x', '--force', '-oj']);
});
