import { expect, test } from '@jest/globals';
import { Hyper2kvmError, InterruptedError } from '../../src/base/errors.ts';
import { EXIT_CODES, exitCodeOf } from '../../src/base/exit-codes.ts';

test('every kind of failure has an exit code of its own', () => {
  const codes = Object.values(EXIT_CODES).map((row) => row.code);
  expect(new Set(codes).size).toBe(codes.length);
});

test('an error outside the family counts as internal', () => {
  expect(exitCodeOf(new TypeError('x'))).toBe(1);
  expect(exitCodeOf(new Hyper2kvmError('tls-trust', 'x'))).toBe(15);
});

test('an interruption exits with 128 + the signal number', () => {
  expect(exitCodeOf(new InterruptedError('SIGINT'))).toBe(130);
  expect(exitCodeOf(new InterruptedError('SIGTERM'))).toBe(143);
  expect(exitCodeOf(new InterruptedError('SIGHUP'))).toBe(129);
});

test('await using releases under jest', async () => {
  const seen: string[] = [];
  {
    await using stack = new AsyncDisposableStack();
    stack.defer(() => void seen.push('released'));
  }
  expect(seen).toEqual(['released']);
});
