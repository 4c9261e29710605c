import { expect, test } from '@jest/globals';
import { faultsInMarkdown, faultsInSource, readWordList } from '../../bin/build/plain-language/find-faults.ts';

const WORDS = readWordList();
const ALONE = { found: 'alone', write: 'only' };

test('a listed word in a string or a template is found with its line', () => {
  const source = [
    "import type { Reader } from './lone wolf.ts';",
    '// A comment may say ü alone.',
    "throw new Error('Ü: the name alone is not enough.');",
    'const hint = `of ${name} alone`;',
    'const lines = `first line',
    '  the second alone`;',
  ].join('\n');
  expect(faultsInSource(source, WORDS)).toEqual([
    { line: 3, ...ALONE },
    { line: 4, ...ALONE },
    { line: 6, ...ALONE },
  ]);
  // The positions of a second file start anew.
  expect(faultsInSource("\nprint('it alone');", WORDS)).toEqual([{ line: 2, ...ALONE }]);
});

test('a listed word in Markdown is found with its line, but not in code or the target of a link', () => {
  const text = ['# Title', '', '`it alone` and [a page](its alone.md)', '', '```', 'alone', '```', '', 'This alone.'];
  expect(faultsInMarkdown(text.join('\n'), WORDS)).toEqual([{ line: 9, ...ALONE }]);
});

test.each([
  'the disk is whole',
  'its first card',
  'is no disk',
  'Leave it alone',
  'The machine runs',
  'a lone disk',
  'stands in the way',
  'by itself',
  'makes a Linux guest fit for virtio',
  'its parent is a circle',
  'there is a word too many',
])('"%s" is found', (text) => {
  expect(faultsInMarkdown(text, WORDS)).not.toEqual([]);
});

test.each([
  'a whole number of sectors',
  'There is no disk. It is no longer there.',
  'The file is over 64 TiB',
  'the machine type q35 of a virtual machine',
  'a standalone disk and wildcards',
  'ahead of the clock, behind a proxy',
  'one that stands for several',
])('good English passes: %s', (text) => {
  expect(faultsInMarkdown(text, WORDS)).toEqual([]);
});

test('a literal without a space is a name, and is not checked', () => {
  expect(faultsInSource("print('.hyper2kvm-whole', 'alone');", WORDS)).toEqual([]);
});
