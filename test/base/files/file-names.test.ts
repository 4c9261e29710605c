import { expect, test } from '@jest/globals';
import { safeFileName, uniqueFileNames } from '../../../src/base/files/file-names.ts';

test.each([
  ['web-01', 'web-01'],
  ['Größe (alt) "x" it’s 100%', 'Größe (alt) "x" it’s 100%'],
  ['a/b\\c', 'a_b_c'],
  ['../../etc/passwd', '_._.._etc_passwd'],
  ['..', '_'],
  ['.', '_'],
  ['', '_'],
  ['   ', '_'],
  ['-rf', '_rf'],
  ['.hidden', '_hidden'],
  ['~root', '_root'],
  ['line\nbreak\0nul\u007f\u0085', 'line_break_nul__'],
  ['vm\u202egpj.exe', 'vm_gpj.exe'],
  ['\ud800x', '_x'],
  ['name. . .', 'name'],
  ['e\u0301', '\u00e9'],
  ['نام\u200cها', 'نام\u200cها'],
])('%j becomes the file name %j', (text, name) => {
  expect(safeFileName(text)).toBe(name);
});

test('a long name is cut to its bytes, between characters', () => {
  expect(Buffer.byteLength(safeFileName('x'.repeat(5000)))).toBe(215);
  expect(safeFileName('ü'.repeat(10), { maxBytes: 5 })).toBe('üü');
  expect(safeFileName('ab👩‍👩‍👧', { maxBytes: 10 })).toBe('ab');
  expect(safeFileName('a' + '\u0301'.repeat(100), { maxBytes: 9 })).toBe('á' + '\u0301'.repeat(3));
  expect(safeFileName('abc...d', { maxBytes: 5 })).toBe('abc');
});

test('any text gives a safe name of bounded length', () => {
  for (let code = 0; code < 0x11000; code += 7) {
    const name = safeFileName(String.fromCodePoint(code).repeat(300), { maxBytes: 50 });
    expect(Buffer.byteLength(name)).toBeLessThanOrEqual(50);
    expect(name).toMatch(/^[^/\0\n.~-][^/\0\n]*$/u);
  }
});

test('names that would be one file get numbers', () => {
  expect(uniqueFileNames(['a/b', 'a_b', 'A_B', 'a_b-2', 'c'])).toEqual(['a_b', 'a_b-2', 'A_B-3', 'a_b-2-2', 'c']);
  expect(uniqueFileNames(['xxxx', 'xxxx'], { maxBytes: 4 })).toEqual(['xxxx', 'xx-2']);
});
