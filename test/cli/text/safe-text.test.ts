import { expect, test } from '@jest/globals';
import { safeLines, safeText } from '../../../src/cli/text/safe-text.ts';

test('escape sequences, direction marks and line ends in a name become visible', () => {
  expect(safeText('a\u001b[31mb\u202ec\u009bd\ne\tf\u200bg')).toBe('a\\x1b[31mb\\u202ec\\x9bd\\ne\\tf\\u200bg');
});

test('other scripts and emoji stay as they are', () => {
  expect(safeText('数据库 żółw 👩‍💻 می‌خواهم')).toBe('数据库 żółw 👩‍💻 می‌خواهم');
});

test('a message of several lines keeps its lines, indented: none looks like one of the program’s own', () => {
  expect(safeLines('a\r\nb\u0007')).toBe('a\\x0d\n  b\\x07');
});
