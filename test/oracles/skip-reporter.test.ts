import { expect, test } from '@jest/globals';
import { skipLines, skippedTitle } from './skip-reporter.ts';

const skipped = (missing: string, title = 'reads it') => ({ status: 'pending', title: skippedTitle(title, missing) });

test('skipped tests are counted by what they need, and one without a reason shows', () => {
  expect(
    skipLines([
      skipped('zsh'),
      { status: 'passed', title: 'works (skipped: needs nothing)' },
      skipped('guestfish and qemu-img'),
      skipped('guestfish and qemu-img', 'writes it'),
      { status: 'pending', title: 'a test that somebody switched off' },
    ]),
  ).toEqual([
    'Skipped: 2 tests need guestfish and qemu-img',
    'Skipped: 1 test needs a reason, which their titles lack',
    'Skipped: 1 test needs zsh',
  ]);
});
