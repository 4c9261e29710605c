import { PassThrough } from 'node:stream';
import { expect, jest, test } from '@jest/globals';
import { Secret } from '../../../../src/base/text/secret.ts';
import { PassphraseAnswers } from '../../../../src/guest/boot/observe/passphrase-answers.ts';

/** Returns the lines that are typed for this number of prompts, and how many of the prompts were answered. */
function typedFor(passphrases: readonly string[], questions: number): { lines: string[]; answered: number } {
  jest.useFakeTimers();
  try {
    const serial = new PassThrough();
    const answers = new PassphraseAnswers(
      passphrases.map((text) => new Secret(text)),
      serial,
    );
    const answered = Array.from({ length: questions }, () => answers.answer()).filter(Boolean).length;
    expect(serial.read()).toBeNull();
    jest.advanceTimersByTime(2000);
    return {
      lines: String(serial.read() ?? '')
        .split('\n')
        .slice(0, -1),
      answered,
    };
  } finally {
    jest.useRealTimers();
  }
}

test('passphrases are typed in turn, a moment after the question', () => {
  expect(typedFor(['one', 'two'], 3)).toEqual({ lines: ['one', 'two', 'one'], answered: 3 });
});

test('a passphrase that is never accepted ends the answers', () => {
  expect(typedFor(['wrong'], 9)).toEqual({ lines: ['wrong', 'wrong', 'wrong'], answered: 3 });
});

test('without a passphrase nothing is typed', () => {
  expect(typedFor([], 2)).toEqual({ lines: [], answered: 0 });
});
