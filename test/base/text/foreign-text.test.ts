import { expect, test } from '@jest/globals';
import { foreignText, shortened } from '../../../src/base/text/foreign-text.ts';

test('a text of a server is one line of limited length', () => {
  expect(foreignText(' a\r\n2026-11-22T14:01:02Z web: done\n\t b ')).toBe('a 2026-11-22T14:01:02Z web: done b');
  expect(foreignText('x'.repeat(3_000_000))).toBe(`${'x'.repeat(1000)}… (2999000 more characters)`);
});

test('no character is cut in two', () => {
  expect(shortened('ab🔑', 3)).toBe('ab… (2 more characters)');
});
