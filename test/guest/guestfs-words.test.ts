import { spawnSync } from 'node:child_process';
import { expect, test } from '@jest/globals';
import { argumentString, commandLine, quoteWord } from '../../src/guest/guestfs-words.ts';

const NAMES = [
  'plain',
  '-a b',
  `it's "quoted"`,
  'line\nbreak',
  'back\\slash $(x) `y` *?[] | > # !',
  'ümläut 漢字',
  '\u007f\u0001',
];

test.each(NAMES)('a word is one word whatever is in it: %j', (name) => {
  const quoted = quoteWord(name);
  expect(quoted).toMatch(/^"(?:[\w ./:=,+@%-]|\\x[0-9a-f]{2})*"$/);
  const bytes = quoted
    .slice(1, -1)
    .replace(/\\x(..)/g, (_, hex: string) => String.fromCharCode(Number.parseInt(hex, 16)));
  expect(Buffer.from(bytes, 'latin1').toString('utf8')).toBe(name);
});

test('a NUL, and a command that is none of ours, are refused', () => {
  expect(() => quoteWord('a\0b')).toThrow(RangeError);
  expect(() => commandLine(['!', 'reboot'])).toThrow(RangeError);
  expect(() => commandLine(['rm-f /', 'x'])).toThrow(RangeError);
});

test('a command that fails does not end the session: it begins with a dash', () => {
  expect(commandLine(['cp-a', '/a b', '-x'])).toBe('-cp-a "/a b" "-x"');
});

test.each(NAMES)('an argument of a program in the guest is one argument for a shell: %j', (name) => {
  const { stdout } = spawnSync('sh', ['-c', `printf '%s|' ${argumentString([name, 'end'])}`], { encoding: 'utf8' });
  expect(stdout).toBe(`${name}|end|`);
});
